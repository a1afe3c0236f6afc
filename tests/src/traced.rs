//! A registry whose system calls are followed, killed at or made to fail, by the tracer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::trace::{self, Entry};
use crate::tracer::orders::Order;

/// The tracer of one program: where it writes, and what it is told.
#[derive(Debug)]
pub struct Traced {
    log: PathBuf,
    orders: PathBuf,
    under: Vec<String>,
    serial: u32,
}

impl Traced {
    /// A tracer (the program `tracer` of this package) that looks at `root`, and keeps its files under `room`, which must
    /// not be in `root`.
    pub fn new(tracer: &str, room: &Path, root: &Path) -> Self {
        let (log, orders) = (room.join("trace"), room.join("orders"));
        let text = |path: &Path| path.display().to_string();
        let under = vec![tracer.to_owned(), text(&log), text(&orders), text(root)];
        Self { log, orders, under, serial: 0 }
    }

    /// What a program has to be run under to be traced.
    pub fn under(&self) -> Vec<String> {
        self.under.clone()
    }

    /// Gives an order, or takes back the one before; calls are counted from here.
    ///
    /// # Errors
    /// The order cannot be written.
    pub fn order(&mut self, order: Option<Order>) -> io::Result<()> {
        self.serial += 1;
        let text = order.map_or(String::new(), |order| order.to_string());
        let draft = self.orders.with_extension("draft");
        fs::write(&draft, format!("{} {text}", self.serial))?;
        fs::rename(draft, &self.orders)
    }

    /// All calls so far.
    ///
    /// # Errors
    /// There is no log, or it cannot be read.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        trace::read(&self.log)
    }

    /// Forgets the calls so far.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        fs::OpenOptions::new().write(true).open(&self.log)?.set_len(0)
    }
}
