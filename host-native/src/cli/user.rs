mod file;
mod prompt;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use wharfinger_core::access::{Argon2Cost, HashKind, check_user_name, hash_password};

use self::file::Edit;
use super::{EXIT_FAILURE, EXIT_MISSING, EXIT_OK};

const EXIT_CODES: &str = "\
Passwords are asked for, twice and without showing them, or read from standard input: one line.
They are no arguments, as others can see these. Files hold what `htpasswd -B` writes, too.

Exit codes:
  0  done
  1  failed; nothing was changed
  2  a mistake on the command line
  3  there is no such user";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Hash a password, for the configuration
    Hash(Hash),
    /// Put a user with a password into a file, in the place of the one of that name
    Add(Add),
    /// Take a user out of a file
    Remove(Remove),
    /// List the users in a file
    List(List),
}

#[derive(Debug, Args)]
struct Hash {
    /// Hash with bcrypt, for others that know no argon2id
    #[arg(long, conflicts_with_all = ["memory", "passes"])]
    bcrypt: bool,
    /// Of bcrypt: so many times two to the power of N rounds
    #[arg(long, value_name = "N", default_value_t = 11, requires = "bcrypt", value_parser = clap::value_parser!(u8).range(4..=14))]
    cost: u8,
    /// Of argon2id: memory
    #[arg(long, value_name = "KIB", default_value_t = 19456, value_parser = clap::value_parser!(u32).range(1024..=262_144))]
    memory: u32,
    /// Of argon2id: passes over it
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    passes: u32,
}

#[derive(Debug, Args)]
struct Add {
    #[command(flatten)]
    file: Name,
    #[command(flatten)]
    hash: Hash,
}

#[derive(Debug, Args)]
struct Remove {
    #[command(flatten)]
    file: Name,
}

#[derive(Debug, Args)]
struct List {
    /// File of users
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Name {
    /// File of users
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// The user
    #[arg(value_parser = name)]
    name: String,
}

impl User {
    /// Carries the command out and prints what came of it.
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Hash(hash) => hash.run(None).and_then(|hash| print(&[&hash])),
            Command::Add(Add { file: Name { file, name }, hash }) => {
                hash.run(Some(&name)).and_then(|hash| file::edit(&file, &name, &Edit::Put(hash))).map(drop)
            }
            Command::Remove(Remove { file: Name { file, name } }) => {
                match file::edit(&file, &name, &Edit::Remove) {
                    Ok(false) => {
                        complain(&format!("{}: there is no user {name:?}", file.display()));
                        return ExitCode::from(EXIT_MISSING);
                    }
                    done => done.map(drop),
                }
            }
            Command::List(List { file }) => file::names(&file)
                .and_then(|names| print(&names.iter().map(|name| &**name).collect::<Vec<_>>())),
        };
        ExitCode::from(match done {
            Ok(()) => EXIT_OK,
            Err(error) => {
                complain(&error);
                EXIT_FAILURE
            }
        })
    }
}

impl Hash {
    /// Asks for a password and hashes it.
    fn run(&self, user: Option<&str>) -> Result<String, String> {
        let password = prompt::new_password(user)?;
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| format!("there are no random bytes: {error}"))?;
        hash_password(&password, self.kind(), salt).map_err(|error| error.to_string())
    }

    fn kind(&self) -> HashKind {
        if self.bcrypt {
            return HashKind::Bcrypt { cost: self.cost };
        }
        HashKind::Argon2id(Argon2Cost { memory_kib: self.memory, passes: self.passes, lanes: 1 })
    }
}

fn name(text: &str) -> Result<String, String> {
    check_user_name(text).map_err(|fault| format!("a user name {fault}"))?;
    Ok(text.to_owned())
}

fn print(lines: &[&str]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let printed = lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    printed.map_err(|error| format!("cannot print: {error}"))
}

fn complain(text: &str) {
    // There is nowhere else to tell it.
    let _ = writeln!(io::stderr(), "wharfinger: {text}");
}
