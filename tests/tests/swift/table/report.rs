//! The table, as a text and as a verdict.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use wharfinger_tests::http::Response;

use super::Cell;
use super::scene::Held;

/// What came of one cell.
pub struct Row {
    number: u64,
    operation: &'static str,
    fault: String,
    lasting: bool,
    saw: String,
    /// What Swift held before anything was healed.
    pub held: String,
    complaints: Vec<String>,
}

impl Row {
    /// What came of a cell so far.
    pub fn new(operation: &'static str, cell: &Cell, saw: &io::Result<Response>) -> Self {
        Self {
            number: cell.number,
            operation,
            fault: cell.fault.name.clone(),
            lasting: cell.lasting,
            saw: outcome(saw),
            held: String::new(),
            complaints: Vec::new(),
        }
    }

    /// Takes note if something that has to hold does not.
    pub fn claim(&mut self, holds: bool, otherwise: &str) {
        if !holds {
            self.complaints.push(otherwise.to_owned());
        }
    }
}

/// What the client saw.
pub fn outcome(saw: &io::Result<Response>) -> String {
    match saw {
        Ok(answer) => answer.status().to_string(),
        Err(_) => "cut".to_owned(),
    }
}

/// What Swift holds.
pub fn state(held: &Held) -> String {
    match held {
        Ok(true) => "all of it".to_owned(),
        Ok(false) => "not all of it".to_owned(),
        Err(torn) => torn.clone(),
    }
}

/// Writes the table, and fails if anything in it must not be.
pub fn report(mut rows: Vec<Row>, cells: usize) {
    rows.sort_by_key(|row| row.number);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("swift-faults.md");
    std::fs::write(&path, table(&rows)).expect("the folder of the target is writable");
    let failures: Vec<String> = rows
        .iter()
        .filter(|row| !row.complaints.is_empty())
        .map(|row| {
            let when = if row.lasting { "until healed" } else { "once" };
            let Row { operation, fault, saw, held, complaints, .. } = row;
            format!("{operation} | {fault} {when} | {saw} | {held} | {}", complaints.join("; "))
        })
        .collect();
    assert_eq!(rows.len(), cells, "some cells were not run");
    eprintln!("{cells} cells: {}", path.display());
    assert!(failures.is_empty(), "{} of {cells}:\n{}", failures.len(), failures.join("\n"));
}

/// For each operation, the faults that had the same outcome.
fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| what the client does: request to Swift | fault | how often | client saw | Swift then held |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    let mut order: Vec<&str> = rows.iter().map(|row| row.operation).collect();
    order.dedup();
    for operation in order {
        let mut groups: BTreeMap<(bool, &str, &str), Vec<&str>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.operation == operation) {
            groups.entry((row.lasting, &row.saw, &row.held)).or_default().push(&row.fault);
        }
        for ((lasting, saw, held), faults) in groups {
            let when = if lasting { "until healed" } else { "once" };
            let _ = writeln!(text, "| {operation} | {} | {when} | {saw} | {held} |", faults.join("; "));
        }
    }
    text
}
