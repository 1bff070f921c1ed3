"""Hot loops: numba, one thread each, arrays in, arrays out; no classes, no strings.

Every kernel releases the interpreter lock, so `core.pool` runs them side by side. Indices are
int32 in memory and viewed as uint32 at the door, which numba reads without sign extension and
wrap-around tests.
"""
