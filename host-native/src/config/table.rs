//! The one table of all settings. Reading, printing and the reference in docs/configuration.md follow from
//! it.

use std::net::{IpAddr, Ipv4Addr};

pub use super::kind::{Kind, Setting, Unsupported};

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
        doc: "The IP address to listen on. Without anybody in `users` or the like, only one of this machine is taken, unless `open-to-all` is set.",
    },
    Setting {
        path: "registry.port",
        kind: Kind::Port { default: 5000, field: |s| &mut s.port },
        doc: "The TCP port to listen on. 0 takes any free port.",
    },
    Setting {
        path: "registry.public-url",
        kind: Kind::Url { field: |s| &mut s.public_url },
        doc: "The URL by which clients reach this registry: it leads them to where tokens are granted, and is what tokens are for. Without it, clients are led to the host that they asked. Every Location is a path in any case.",
    },
    Setting {
        path: "registry.tls-cert",
        kind: Kind::File { field: |s| &mut s.tls.certificate },
        doc: "A PEM file with the certificate to serve TLS with, and behind it those of the authorities in between. With it, no plain HTTP is served. See [TLS](running.md#tls).",
    },
    Setting {
        path: "registry.tls-key",
        kind: Kind::File { field: |s| &mut s.tls.key },
        doc: "With `tls-cert`, which needs it: a PEM file with its private key, not encrypted.",
    },
    Setting {
        path: "registry.tls-client-ca",
        kind: Kind::File { field: |s| &mut s.tls.client_authorities },
        doc: "With `tls-cert`: a PEM file with the authorities whose certificates clients may show. Those that show none are served as ever, those with another one are not.",
    },
    Setting {
        path: "registry.tls-reload-seconds",
        kind: Kind::Seconds { default: 10.0, min: SECONDS_MIN, max: DAY, field: |s| &mut s.tls.reload_time },
        doc: "With `tls-cert`: how often the files are looked at, so that new ones are taken without a restart.",
    },
    Setting {
        path: "registry.secret",
        kind: Kind::Secret { min: 16, max: 1024, field: |s| &mut s.secret },
        doc: "Seals the state of uploads, and signs tokens. Servers that share a store need the same one. Without it, one is made in the file `secret` under `storage.root`; with `driver: swift` it has to be given.",
    },
    Setting {
        path: "registry.old-secrets",
        kind: Kind::Secrets { min: 16, max: 1024, field: |s| &mut s.locks.old_secrets },
        doc: "Secrets that stood in the place of `secret` before: what they sealed and signed is still taken. See [the secret](#the-secret).",
    },
    Setting {
        path: "registry.users",
        kind: Kind::List {
            items: "mappings of name, pass and access",
            secret: true,
            field: |s| &mut s.locks.users,
        },
        doc: "The users, each with `name`, `pass` (a password, or better its hash) and, unless there are rules, `access` (`read` or `write`). While nobody has `read`, everybody may read. See [users](running.md#users).",
    },
    Setting {
        path: "registry.htpasswd",
        kind: Kind::File { field: |s| &mut s.locks.htpasswd },
        doc: "A file of more users, as `wharfinger user add` and Apache's `htpasswd -B` write it. It is read again when it changes. Without rules, they may do everything.",
    },
    Setting {
        path: "registry.rules",
        kind: Kind::List {
            items: "mappings of repositories, users and actions",
            secret: false,
            field: |s| &mut s.locks.rules,
        },
        doc: "Who may do what: each rule lets `users` (names, `'*'` for all users, or `anonymous`) do `actions` (`pull`, `push`, `delete`) in `repositories` (such as `team/*` or `'**'`). What no rule allows is denied, and `access` of users is not used. See [rules](running.md#rules).",
    },
    Setting {
        path: "registry.issuers",
        kind: Kind::List {
            items: "mappings of name, issuer, audience and identities",
            secret: false,
            field: |s| &mut s.locks.issuers,
        },
        doc: "Issuers of OpenID Connect whose tokens are taken, and which claims make which user.",
    },
    Setting {
        path: "registry.client-certificates",
        kind: Kind::List {
            items: "mappings of name and user",
            secret: false,
            field: |s| &mut s.locks.client_certificates,
        },
        doc: "With `tls-client-ca`: which certificate (`name`: `CN=ci`, `DNS:ci.example.org`, `URI:...`, `EMAIL:...` or `SHA256:...`) makes which `user`.",
    },
    Setting {
        path: "registry.open-to-all",
        kind: Kind::Switch { default: false, field: |s| &mut s.locks.open_to_all },
        doc: "Lets everybody who reaches it push, pull and delete, on an address that other machines reach. Only where there are no users.",
    },
    Setting {
        path: "registry.proxies",
        kind: Kind::List {
            items: "addresses or ranges such as 10.0.0.0/8",
            secret: false,
            field: |s| &mut s.locks.proxies,
        },
        doc: "The proxies before this registry: what they say of their clients in `X-Forwarded-For`, `-Proto` and `-Host` is believed.",
    },
    Setting {
        path: "registry.token-seconds",
        kind: Kind::Number {
            default: 3600,
            min: 1,
            max: 31_622_400,
            unit: "seconds",
            field: |s| &mut s.locks.token_seconds,
        },
        doc: "How long a token is good for that clients are granted.",
    },
    Setting {
        path: "registry.refresh-token-seconds",
        kind: Kind::Number {
            default: 2_592_000,
            min: 0,
            max: 31_622_400,
            unit: "seconds",
            field: |s| &mut s.locks.refresh_token_seconds,
        },
        doc: "How long a token is good for by which a client that asks for it gets new ones without the password. 0 grants none.",
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
        path: "registry.storage.expiration",
        kind: Kind::Number {
            default: 0,
            min: 0,
            max: 3_162_240_000,
            unit: "seconds",
            field: |s| &mut s.storage.expiration_seconds,
        },
        doc: "After so many seconds zuul-registry removes manifests. Taken, and without effect yet: this version removes nothing by its age. 0 is none.",
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
        path: "registry.limits.password-address-failures",
        kind: Kind::Number {
            default: 20,
            min: 1,
            max: 1_000_000,
            unit: "failures",
            field: |s| &mut s.limits.password_address_failures,
        },
        doc: "So many wrong passwords may come from one address (of IPv6, from one /64) before the next one is told to wait.",
    },
    Setting {
        path: "registry.limits.password-address-seconds",
        kind: Kind::Seconds {
            default: 3.0,
            min: SECONDS_MIN,
            max: DAY,
            field: |s| &mut s.limits.password_address_time,
        },
        doc: "After so long one more may come from there.",
    },
    Setting {
        path: "registry.limits.password-user-failures",
        kind: Kind::Number {
            default: 30,
            min: 1,
            max: 1_000_000,
            unit: "failures",
            field: |s| &mut s.limits.password_user_failures,
        },
        doc: "So many wrong passwords there may be for one user, from wherever. Whoever was right from an address in the last day is not held up there by others' failures.",
    },
    Setting {
        path: "registry.limits.password-user-seconds",
        kind: Kind::Seconds {
            default: 2.0,
            min: SECONDS_MIN,
            max: DAY,
            field: |s| &mut s.limits.password_user_time,
        },
        doc: "After so long there may be one more for that user.",
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
pub static UNSUPPORTED: &[Unsupported] = &[Unsupported {
    path: "registry.storage.driver",
    value: Some("s3"),
    reason: "this version stores in a directory or in Swift; choose `driver: filesystem` or `driver: swift`, and push the images again",
}];

#[cfg(test)]
mod tests;
