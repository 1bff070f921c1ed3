"""What `labeltree doctor` looks for, one function a question; `run.doctor` asks them all."""
