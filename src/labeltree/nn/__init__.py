"""Networks: parts that read texts, know the hierarchy, and answer labels. Needs the extra `nn`."""
