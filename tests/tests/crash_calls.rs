//! The real registry, killed at every call by which it changes its directory, with every such call failing once, and with
//! every success that it tells held against what it had on the disk by then.

#[path = "crash_calls/durable.rs"]
mod durable;
#[path = "crash_calls/errors.rs"]
mod errors;
#[path = "crash_calls/points.rs"]
mod points;
#[path = "crash_calls/sound.rs"]
mod sound;
#[path = "crash_calls/stage.rs"]
mod stage;
