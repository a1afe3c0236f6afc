//! The one table of all settings. Reading, printing and the reference in docs/configuration.md follow from
//! it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::Settings;
use super::choice::Choice;
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
    /// A text; optional.
    Text { field: Field<Option<String>> },
    /// The name of a container in Swift; optional.
    Container { field: Field<Option<String>> },
    /// An http or https URL without a path; optional.
    Url { field: Field<Option<String>> },
    /// A secret of at least `min` and at most `max` bytes; optional.
    Secret { min: usize, max: usize, field: Field<Option<Secret>> },
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
            Self::Text { field } | Self::Container { field } | Self::Url { field } => {
                *field(settings) = None;
            }
            Self::Secret { field, .. } => *field(settings) = None,
        }
    }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// Shortest time limit: a tenth of what tests need, and never so short that every request fails by rounding.
const SECONDS_MIN: f64 = 0.01;

/// All settings, in the order in which they are printed and documented.
pub static SETTINGS: &[Setting] = &[
    Setting {
        path: "registry.address",
        kind: Kind::Address { default: IpAddr::V4(Ipv4Addr::LOCALHOST), field: |s| &mut s.address },
        doc: "The IP address to listen on. There are no users and there is no TLS: whoever reaches it may push and delete.",
    },
    Setting {
        path: "registry.port",
        kind: Kind::Port { default: 5000, field: |s| &mut s.port },
        doc: "The TCP port to listen on. 0 takes any free port.",
    },
    Setting {
        path: "registry.public-url",
        kind: Kind::Url { field: |s| &mut s.public_url },
        doc: "The URL by which clients reach this registry. Without effect in this version: every Location is a path, so clients stay on the host that they asked.",
    },
    Setting {
        path: "registry.secret",
        kind: Kind::Secret { min: 16, max: 1024, field: |s| &mut s.secret },
        doc: "Seals the state of uploads. Servers that share a store need the same one. Without it, one is made in the file `secret` under `storage.root`; with `driver: swift` it has to be given.",
    },
    Setting {
        path: "registry.threads",
        kind: Kind::Number { default: 0, min: 0, max: 1024, unit: "threads", field: |s| &mut s.threads },
        doc: "Threads that serve requests. 0 takes one per core.",
    },
    Setting {
        path: "registry.sparse-manifests",
        kind: Kind::Switch { default: false, field: |s| &mut s.sparse_manifests },
        doc: "Accepts manifests that name content which this registry does not hold.",
    },
    Setting {
        path: "registry.storage.driver",
        kind: Kind::Name { default: "filesystem", field: |s| &mut s.storage.driver },
        doc: "The kind of store: a directory, or a container of OpenStack Swift.",
    },
    Setting {
        path: "registry.storage.root",
        kind: Kind::Path { default: "./wharfinger-data", field: |s| &mut s.storage.root },
        doc: "With `driver: filesystem`: the directory that holds everything. A relative path starts from the working directory.",
    },
    Setting {
        path: "registry.storage.cloud",
        kind: Kind::Text { field: |s| &mut s.storage.cloud },
        doc: "With `driver: swift`: the cloud in clouds.yaml, which is found as openstacksdk finds it. Without it, `OS_CLOUD` or the other variables `OS_*` say where Swift is.",
    },
    Setting {
        path: "registry.storage.container",
        kind: Kind::Container { field: |s| &mut s.storage.container },
        doc: "With `driver: swift`, which needs it: the container that holds everything. It is created if it is missing.",
    },
    Setting {
        path: "registry.storage.segments-container",
        kind: Kind::Container { field: |s| &mut s.storage.segments_container },
        doc: "With `driver: swift`: the container that holds segments, so that they do not slow down the listings of all else. Without it they stand in `container`.",
    },
    Setting {
        path: "registry.storage.redirect",
        kind: Kind::Switch { default: false, field: |s| &mut s.storage.redirect },
        doc: "With `driver: swift`: answers GET of a blob with 307 and a temporary URL of Swift, from which clients then read. See [redirects](running.md#sending-clients-to-swift).",
    },
    Setting {
        path: "registry.storage.redirect-url",
        kind: Kind::Url { field: |s| &mut s.storage.redirect_url },
        doc: "With `redirect`: the scheme, host and port by which clients reach Swift. Without it, those that this registry uses.",
    },
    Setting {
        path: "registry.storage.redirect-seconds",
        kind: Kind::Seconds {
            default: 20.0 * 60.0,
            min: 1.0,
            max: 7.0 * DAY,
            field: |s| &mut s.storage.redirect_time,
        },
        doc: "With `redirect`: how long a temporary URL is good for. A download that has begun goes on.",
    },
    Setting {
        path: "registry.storage.redirect-key-seconds",
        kind: Kind::Seconds {
            default: 30.0 * DAY,
            min: 1.0,
            max: 366.0 * DAY,
            field: |s| &mut s.storage.redirect_key_time,
        },
        doc: "With `redirect`: after so long the next key signs. Not shorter than `redirect-seconds`, and the same on all servers that share a container.",
    },
    Setting {
        path: "registry.storage.sync",
        kind: Kind::Name { default: "full", field: |s| &mut s.storage.sync },
        doc: "With `driver: filesystem`: `full` has every write on the disk (fsync) before it is acknowledged. `none` leaves that to the system: faster, but a crash of the machine may lose what was acknowledged.",
    },
    Setting {
        path: "registry.limits.head-bytes",
        kind: Kind::Number {
            default: 32 * KIB,
            min: KIB,
            max: MIB,
            unit: "bytes",
            field: |s| &mut s.limits.head_bytes,
        },
        doc: "Largest request head: request line and all headers.",
    },
    Setting {
        path: "registry.limits.head-seconds",
        kind: Kind::Seconds {
            default: 10.0,
            min: SECONDS_MIN,
            max: HOUR,
            field: |s| &mut s.limits.head_time,
        },
        doc: "Longest time for a request head to arrive, from its first byte.",
    },
    Setting {
        path: "registry.limits.idle-seconds",
        kind: Kind::Seconds { default: 75.0, min: SECONDS_MIN, max: DAY, field: |s| &mut s.limits.idle_time },
        doc: "Longest time that a connection may stay open between two requests.",
    },
    Setting {
        path: "registry.limits.body-idle-seconds",
        kind: Kind::Seconds {
            default: 60.0,
            min: SECONDS_MIN,
            max: HOUR,
            field: |s| &mut s.limits.body_idle_time,
        },
        doc: "Longest wait for the next 32 KiB of a request body, or for its end: a client must not hold its place by sending a byte now and then.",
    },
    Setting {
        path: "registry.limits.stall-seconds",
        kind: Kind::Seconds {
            default: 20.0,
            min: SECONDS_MIN,
            max: HOUR,
            field: |s| &mut s.limits.stall_time,
        },
        doc: "With `driver: swift`: a pause within a request body after which the segment that is on its way is ended, and another one begun when the client goes on. Shorter than the `client_timeout` of Swift.",
    },
    Setting {
        path: "registry.limits.write-idle-seconds",
        kind: Kind::Seconds {
            default: 60.0,
            min: SECONDS_MIN,
            max: HOUR,
            field: |s| &mut s.limits.write_idle_time,
        },
        doc: "Longest time that a client may take nothing of a reply.",
    },
    Setting {
        path: "registry.limits.connections",
        kind: Kind::Number {
            default: 1024,
            min: 1,
            max: 1_000_000,
            unit: "connections",
            field: |s| &mut s.limits.connections,
        },
        doc: "Most connections at once. While more wait, those go first that have waited longest for a request.",
    },
    Setting {
        path: "registry.limits.drain-seconds",
        kind: Kind::Seconds { default: 30.0, min: 0.0, max: HOUR, field: |s| &mut s.limits.drain_time },
        doc: "Longest time that running requests get to finish after SIGTERM.",
    },
    Setting {
        path: "registry.limits.drain-bytes",
        kind: Kind::Number {
            default: 256 * KIB,
            min: 0,
            max: GIB,
            unit: "bytes",
            field: |s| &mut s.limits.drain_bytes,
        },
        doc: "Most bytes of an unwanted request body that are read and dropped to keep the connection usable.",
    },
    Setting {
        path: "registry.limits.manifest-bytes",
        kind: Kind::Number {
            default: 4 * MIB,
            min: KIB,
            max: 64 * MIB,
            unit: "bytes",
            field: |s| &mut s.limits.manifest_bytes,
        },
        doc: "Largest manifest. At most `collected-bytes`.",
    },
    Setting {
        path: "registry.limits.manifest-references",
        kind: Kind::Number {
            default: 1000,
            min: 1,
            max: 100_000,
            unit: "descriptors",
            field: |s| &mut s.limits.manifest_references,
        },
        doc: "Most descriptors in one manifest.",
    },
    Setting {
        path: "registry.limits.collected-bytes",
        kind: Kind::Number {
            default: 16 * MIB,
            min: KIB,
            max: 64 * GIB,
            unit: "bytes",
            field: |s| &mut s.limits.collected_bytes,
        },
        doc: "Most memory for bodies that are read whole, such as manifests, in all requests together. At least 8 MiB with `driver: swift`.",
    },
    Setting {
        path: "registry.limits.upload-age-seconds",
        kind: Kind::Seconds {
            default: DAY,
            min: SECONDS_MIN,
            max: 30.0 * DAY,
            field: |s| &mut s.limits.upload_age,
        },
        doc: "Longest life of an upload, counted from its first request.",
    },
    Setting {
        path: "registry.limits.grace-seconds",
        kind: Kind::Seconds {
            default: DAY,
            min: SECONDS_MIN,
            max: 366.0 * DAY,
            field: |s| &mut s.limits.grace,
        },
        doc: "How long content that nothing refers to is safe from removal.",
    },
    Setting {
        path: "registry.limits.segment-bytes",
        kind: Kind::Number {
            default: 1024 * GIB,
            min: 64 * KIB,
            max: 1024 * GIB,
            unit: "bytes",
            field: |s| &mut s.limits.segment_bytes,
        },
        doc: "The size at which an upload is cut into segments. In a directory a blob of several segments is copied when it is published, one of a single segment is not. With `driver: swift` the default is 1073741824, and no segment is longer than Swift takes.",
    },
    Setting {
        path: "registry.limits.chunk-min-bytes",
        kind: Kind::Number {
            default: 0,
            min: 0,
            max: GIB,
            unit: "bytes",
            field: |s| &mut s.limits.chunk_min_bytes,
        },
        doc: "The smallest chunk that clients are asked to send (`OCI-Chunk-Min-Length`). 0 asks for none.",
    },
    Setting {
        path: "registry.limits.store-seconds",
        kind: Kind::Seconds {
            default: 60.0,
            min: SECONDS_MIN,
            max: HOUR,
            field: |s| &mut s.limits.store_time,
        },
        doc: "Time limit of one call to the store.",
    },
    Setting {
        path: "registry.limits.retry-seconds",
        kind: Kind::Seconds { default: 60.0, min: 0.0, max: HOUR, field: |s| &mut s.limits.retry_time },
        doc: "Longest time within which a request tries failed calls to the store again, from the first failure. A store that asks for more is not waited for.",
    },
    Setting {
        path: "registry.limits.retry-percent",
        kind: Kind::Number {
            default: 10,
            min: 0,
            max: 1000,
            unit: "percent",
            field: |s| &mut s.limits.retry_percent,
        },
        doc: "How many calls to the store may be repeats of failed ones, in percent of the others, in all requests together. What goes beyond fails at once, so that a store in trouble is not asked more and more.",
    },
    Setting {
        path: "registry.limits.retries-per-second",
        kind: Kind::Number {
            default: 10,
            min: 0,
            max: 1_000_000,
            unit: "per-second",
            field: |s| &mut s.limits.retries_per_second,
        },
        doc: "Calls to the store that may be repeated every second beyond `retry-percent`, for a registry that has little to do.",
    },
    Setting {
        path: "registry.log.format",
        kind: Kind::Name { default: "human", field: |s| &mut s.log.format },
        doc: "The form of the log on standard error. `json` writes one object per line.",
    },
    Setting {
        path: "registry.log.level",
        kind: Kind::Name { default: "info", field: |s| &mut s.log.level },
        doc: "The least important level that is logged. `info` logs one line per request.",
    },
];

/// What zuul-registry's file may say and this version does not carry out.
pub static UNSUPPORTED: &[Unsupported] = &[
    Unsupported {
        path: "registry.users",
        value: None,
        reason: "this version has no users and would leave the registry open to everyone who reaches it; remove the key only if that is what you want, or put a proxy that checks passwords before it",
    },
    Unsupported {
        path: "registry.tls-cert",
        value: None,
        reason: "this version cannot serve TLS and would send everything in the clear; remove the key and put a proxy that serves TLS before it",
    },
    Unsupported {
        path: "registry.tls-key",
        value: None,
        reason: "this version cannot serve TLS and would send everything in the clear; remove the key and put a proxy that serves TLS before it",
    },
    Unsupported {
        path: "registry.storage.expiration",
        value: None,
        reason: "this version never removes manifests by age; remove the key and delete them through the API",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_one_kebab_case_key_of_its_own() {
        let mut paths: Vec<&str> = SETTINGS.iter().map(|setting| setting.path).collect();
        for path in &paths {
            assert!(path.starts_with("registry."), "{path}");
            assert!(path.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '.'), "{path}");
            assert!(
                !paths.iter().any(|other| other.starts_with(&format!("{path}."))),
                "{path} is a section too"
            );
        }
        paths.sort_unstable();
        let all = paths.len();
        paths.dedup();
        assert_eq!(paths.len(), all);
    }

    #[test]
    fn units_stand_in_the_names_and_docs_are_sentences() {
        for Setting { path, kind, doc } in SETTINGS {
            assert!(doc.ends_with('.') && !doc.contains('|') && !doc.contains('\n'), "{path}");
            match kind {
                Kind::Seconds { default, min, max, .. } => {
                    assert!(path.ends_with("-seconds"), "{path}");
                    assert!(min <= default && default <= max, "{path}");
                }
                Kind::Number { default, min, max, unit, .. } => {
                    assert!(path.ends_with(unit) || *unit == "descriptors", "{path}");
                    assert!(min <= default && default <= max, "{path}");
                }
                Kind::Address { .. }
                | Kind::Port { .. }
                | Kind::Switch { .. }
                | Kind::Name { .. }
                | Kind::Path { .. }
                | Kind::Text { .. }
                | Kind::Container { .. }
                | Kind::Url { .. }
                | Kind::Secret { .. } => {}
            }
        }
    }
}
