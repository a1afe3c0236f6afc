//! What a setting is.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Settings;
use super::choice::Choice;
use super::list::List;
use crate::secret::Secret;

/// One setting.
pub struct Setting {
    /// Where it stands in the file, from the top.
    pub path: &'static str,
    /// What it takes, and where it goes.
    pub kind: Kind,
    /// What it does: one or more sentences of Markdown.
    pub doc: &'static str,
}

/// What a setting takes. `field` is the place in [`Settings`] that it fills.
pub enum Kind {
    /// An IP address.
    Address { default: IpAddr, field: Field<IpAddr> },
    /// A TCP port.
    Port { default: u16, field: Field<u16> },
    /// A whole number of `unit`, `min` and `max` included.
    Number { default: u64, min: u64, max: u64, unit: &'static str, field: Field<u64> },
    /// Seconds, fractions allowed, `min` and `max` included.
    Seconds { default: f64, min: f64, max: f64, field: Field<Duration> },
    /// `true` or `false`.
    Switch { default: bool, field: Field<bool> },
    /// One of a few names.
    Name { default: &'static str, field: Field<dyn Choice> },
    /// A path in the file system.
    Path { default: &'static str, field: Field<PathBuf> },
    /// A file; optional.
    File { field: Field<Option<PathBuf>> },
    /// A text; optional.
    Text { field: Field<Option<String>> },
    /// The name of a container in Swift; optional.
    Container { field: Field<Option<String>> },
    /// An http or https URL without a path; optional.
    Url { field: Field<Option<String>> },
    /// A secret of at least `min` and at most `max` bytes; optional.
    Secret { min: usize, max: usize, field: Field<Option<Secret>> },
    /// Any number of such secrets.
    Secrets { min: usize, max: usize, field: Field<Vec<Secret>> },
    /// Something of more than one line, which is read elsewhere; optional. With `secret`, not all of it may be shown.
    List { items: &'static str, secret: bool, field: Field<Option<List>> },
}

/// Picks a field.
pub type Field<T> = fn(&mut Settings) -> &mut T;

/// A key, or one value of a key, that zuul-registry knows and this version does not carry out.
pub struct Unsupported {
    /// Where it stands in the file.
    pub path: &'static str,
    /// The value meant; every value if `None`.
    pub value: Option<&'static str>,
    /// What this version cannot do, and what to do about it.
    pub reason: &'static str,
}

impl Kind {
    /// Sets the field to the default.
    pub fn reset(&self, settings: &mut Settings) {
        match self {
            Self::Address { default, field } => *field(settings) = *default,
            Self::Port { default, field } => *field(settings) = *default,
            Self::Number { default, field, .. } => *field(settings) = *default,
            Self::Seconds { default, field, .. } => *field(settings) = Duration::from_secs_f64(*default),
            Self::Switch { default, field } => *field(settings) = *default,
            Self::Name { default, field } => {
                let known = field(settings).choose(default);
                debug_assert!(known, "the default {default} is one of the names");
            }
            Self::Path { default, field } => *field(settings) = PathBuf::from(default),
            Self::File { field } => *field(settings) = None,
            Self::Text { field } | Self::Container { field } | Self::Url { field } => {
                *field(settings) = None;
            }
            Self::Secret { field, .. } => *field(settings) = None,
            Self::Secrets { field, .. } => field(settings).clear(),
            Self::List { field, .. } => *field(settings) = None,
        }
    }
}
