//! Library side of the native host, shared by the binary and its tests.
