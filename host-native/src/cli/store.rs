use std::fs::File;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use wharfinger_core::store::{Key, Moved};

use super::{EXIT_FAILURE, EXIT_MISSING, EXIT_OK};
use crate::config::Settings;
use crate::operator::{Entry, Input, Listed, Operator, OperatorError, Query, Span, text};

const EXIT_CODES: &str = "\
A name stands as `store ls` shows it, such as tags/some/app!/v1. Servers may run meanwhile.

Exit codes:
  0  done; also if whoever reads the output wants no more of it
  1  the store failed or refuses, or content is not what its name says
  2  a mistake on the command line or in the configuration
  3  there is no such object, or with --no-clobber there is one";

/// The longest name of any store, in bytes.
const NAME_BYTES_MAX: usize = 1024;

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Store {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List names, in the order of their bytes
    Ls(Ls),
    /// Tell size and age of an object, and its Etag where the store has one
    Stat(Stat),
    /// Write the bytes of an object to standard output
    Cat(Cat),
    /// Store a file or standard input under a name, over what stands there
    Put(Put),
    /// Give an object another name: copied by the store itself, compared, and then removed
    Mv(Mv),
    /// Remove objects; one that is not there is no mistake
    Rm(Rm),
}

#[derive(Debug, Args)]
struct Ls {
    /// How names begin, such as tags/ or blobs/sha256/0
    #[arg(default_value = "", hide_default_value = true, value_parser = name)]
    prefix: String,
    /// List what is below a `/` too, each by its whole name
    #[arg(short, long)]
    recursive: bool,
    /// Show sizes in bytes, and ages
    #[arg(short, long)]
    long: bool,
    /// The same, with sizes such as 1.5M
    #[arg(short = 'H', long)]
    human: bool,
    /// Print one JSON object a line
    #[arg(long, conflicts_with_all = ["long", "human"])]
    json: bool,
    /// List at most so many
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    /// List only names above this one
    #[arg(long, value_name = "NAME", value_parser = name)]
    after: Option<String>,
    /// Ask the store for so many at a time
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=9999))]
    page: u32,
}

#[derive(Debug, Args)]
struct Stat {
    /// The object
    #[arg(value_parser = key)]
    key: Key,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Cat {
    /// The object
    #[arg(value_parser = key)]
    key: Key,
    /// Only the bytes from offset A to B, both included; without B to the end
    #[arg(long, value_name = "A-[B]", value_parser = span)]
    range: Option<Span>,
}

#[derive(Debug, Args)]
struct Put {
    /// The name; that of a blob has to be the digest of the content
    #[arg(value_parser = key)]
    key: Key,
    /// What to store; without it, or with -, standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: std::path::PathBuf,
}

#[derive(Debug, Args)]
struct Mv {
    /// The object
    #[arg(value_parser = key)]
    from: Key,
    /// Its other name
    #[arg(value_parser = key)]
    to: Key,
    /// Leave what stands under the other name
    #[arg(long)]
    no_clobber: bool,
}

#[derive(Debug, Args)]
struct Rm {
    /// The objects
    #[arg(required = true, value_parser = key, value_name = "KEY")]
    keys: Vec<Key>,
}

impl Store {
    /// Carries the command out and prints what came of it.
    pub fn run(self, settings: &Settings) -> ExitCode {
        let code = match self.command.run(settings) {
            Ok(code) => code,
            Err(OperatorError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => EXIT_OK,
            Err(error) => {
                complain(&error.to_string());
                if matches!(error, OperatorError::Missing(_)) { EXIT_MISSING } else { EXIT_FAILURE }
            }
        };
        ExitCode::from(code)
    }
}

impl Command {
    fn run(self, settings: &Settings) -> Result<u8, OperatorError> {
        let look = || Operator::open(settings, false);
        match self {
            Self::Ls(ls) => smol::block_on(ls.run(&look()?)),
            Self::Stat(stat) => smol::block_on(stat.run(&look()?)),
            Self::Cat(cat) => smol::block_on(cat.run(&look()?)),
            Self::Put(put) => {
                // Without it, nothing is to be created.
                let input = put.input()?;
                smol::block_on(put.run(&Operator::open(settings, true)?, input))
            }
            Self::Mv(mv) => smol::block_on(mv.run(&look()?)),
            Self::Rm(rm) => smol::block_on(rm.run(&look()?)),
        }
    }
}

impl Ls {
    async fn run(self, operator: &Operator) -> Result<u8, OperatorError> {
        let query = Query {
            prefix: self.prefix.clone(),
            deep: self.recursive,
            after: self.after.clone(),
            limit: self.limit,
            page: self.page,
        };
        let mut out = io::BufWriter::new(io::stdout().lock());
        let mut last = None;
        let listed = operator
            .list(&query, |entry| {
                last = Some(entry.name.clone());
                writeln!(out, "{}", self.line(entry)).map_err(OperatorError::Output)
            })
            .await;
        // What was shown before a failure stays shown.
        let flushed = out.flush().map_err(OperatorError::Output);
        if let (Listed::Cut, Some(last)) = (listed?, last) {
            complain(&format!("more names follow; go on with --after '{}'", text::name(&last)));
        }
        flushed.map(|()| EXIT_OK)
    }

    fn line(&self, entry: &Entry) -> String {
        let Entry { name, size, written } = entry;
        if self.json {
            return match written {
                Some(written) => {
                    serde_json::json!({"name": name, "size": size, "written": text::time(*written)})
                        .to_string()
                }
                None => serde_json::json!({"name": name}).to_string(),
            };
        }
        let name = text::name(name);
        if !self.long && !self.human {
            return name;
        }
        let (size, age) = match written {
            Some(written) if self.human => (text::size(*size), text::age(now().saturating_sub(*written))),
            Some(written) => (size.to_string(), text::age(now().saturating_sub(*written))),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let width = if self.human { 6 } else { 14 };
        format!("{size:>width$} {age:>5} {name}")
    }
}

impl Stat {
    async fn run(self, operator: &Operator) -> Result<u8, OperatorError> {
        let found = operator.stat(&self.key).await?;
        let written = text::time(now().saturating_sub(found.age));
        let etag = found.etag.map(|etag| text::hex(&etag));
        let shown = if self.json {
            let mut json = serde_json::json!({
                "name": self.key.to_string(), "size": found.size, "age": found.age, "written": written,
            });
            if let Some(etag) = etag {
                json["etag"] = etag.into();
            }
            format!("{json}\n")
        } else {
            let age = text::age(found.age);
            let etag = etag.map_or(String::new(), |etag| format!("etag     {etag}\n"));
            format!(
                "name     {}\nsize     {}\nage      {age}\nwritten  {written}\n{etag}",
                self.key, found.size
            )
        };
        io::stdout().write_all(shown.as_bytes()).map_err(OperatorError::Output)?;
        Ok(EXIT_OK)
    }
}

impl Cat {
    async fn run(self, operator: &Operator) -> Result<u8, OperatorError> {
        let mut out = io::stdout().lock();
        operator.cat(&self.key, self.range, |bytes| out.write_all(bytes)).await?;
        out.flush().map_err(OperatorError::Output)?;
        Ok(EXIT_OK)
    }
}

impl Put {
    fn input(&self) -> Result<Input, OperatorError> {
        if self.file.as_os_str() == "-" {
            return Ok(Input::stdin());
        }
        let named = |error: io::Error| {
            OperatorError::Input(io::Error::new(error.kind(), format!("{}: {error}", self.file.display())))
        };
        File::open(&self.file).map(Input::file).map_err(named)
    }

    async fn run(self, operator: &Operator, input: Input) -> Result<u8, OperatorError> {
        let stored = operator.put(&self.key, input).await?;
        let made = match stored.segments {
            0 => String::new(),
            1 => ", 1 segment".to_owned(),
            count => format!(", {count} segments"),
        };
        say(&format!("stored {} ({} bytes{made}, {})", self.key, stored.size, stored.digest))
    }
}

impl Mv {
    async fn run(self, operator: &Operator) -> Result<u8, OperatorError> {
        let Self { from, to, no_clobber } = &self;
        let moved = operator.rename(from, to, *no_clobber).await?;
        let (code, trouble) = match moved {
            Moved::Done(found) => return say(&format!("moved {from} to {to} ({} bytes)", found.size)),
            Moved::Before(found) => {
                let size = found.size;
                let why = format!("{from} is not there, and {to} is ({size} bytes): moved before, it seems");
                (EXIT_MISSING, why)
            }
            Moved::Missing => return Err(OperatorError::Missing(Box::new(from.clone()))),
            Moved::Exists => {
                (EXIT_MISSING, format!("{to}: there is such an object, and it is left as it is"))
            }
            Moved::Same => (EXIT_FAILURE, format!("{from}: both names are the same; give another one")),
            Moved::Differs { .. } => {
                let why = "the copy differs, as something else wrote to one of the two";
                (EXIT_FAILURE, format!("{from}: {why}; it is left there, look at both and try again"))
            }
            Moved::Failed { op, reply } => return Err(OperatorError::Reply { op, reply }),
        };
        complain(&trouble);
        Ok(code)
    }
}

impl Rm {
    async fn run(self, operator: &Operator) -> Result<u8, OperatorError> {
        for key in &self.keys {
            let done = if operator.remove(key).await? { "removed" } else { "not there:" };
            say(&format!("{done} {key}"))?;
        }
        Ok(EXIT_OK)
    }
}

fn say(line: &str) -> Result<u8, OperatorError> {
    writeln!(io::stdout(), "{line}").map_err(OperatorError::Output)?;
    Ok(EXIT_OK)
}

fn complain(line: &str) {
    // If even that fails, the exit code is left.
    let _ = writeln!(io::stderr(), "wharfinger: {line}");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn key(text: &str) -> Result<Key, String> {
    Key::parse(text).map_err(|error| error.to_string())
}

/// Any name, or how one begins.
fn name(text: &str) -> Result<String, String> {
    if text.len() > NAME_BYTES_MAX {
        return Err(format!("no name has more than {NAME_BYTES_MAX} bytes; shorten it"));
    }
    Ok(text.to_owned())
}

/// `A-B` or `A-`
fn span(text: &str) -> Result<Span, String> {
    let form = || "it must be A-B or A-, such as 0-99; count from 0".to_owned();
    let (first, last) = text.split_once('-').ok_or_else(form)?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<u64>().map_err(|_| form()) } else { Err(form()) }
    };
    let first = number(first)?;
    let last = if last.is_empty() { None } else { Some(number(last)?) };
    if last.is_some_and(|last| last < first) {
        return Err("it ends before it begins; turn it around".to_owned());
    }
    Ok(Span { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_two_ends_or_one() {
        assert_eq!(span("0-0"), Ok(Span { first: 0, last: Some(0) }));
        assert_eq!(span("5-"), Ok(Span { first: 5, last: None }));
        for bad in
            ["", "-", "-5", "5", "5-4", "+1-2", "1-+2", "1-2-3", "a-b", "0x1-2", "18446744073709551616-"]
        {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_are_no_keys_say_what_one_is() {
        assert!(key("tags/a!/v1").is_ok());
        assert!(key("notes.txt").unwrap_err().contains("begins with blobs/"));
        assert!(name(&"a".repeat(1025)).is_err() && name("notes.txt").is_ok());
    }
}
