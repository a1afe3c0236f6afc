//! Every call fails once, and every kind of call for good.
