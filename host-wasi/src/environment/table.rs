use std::time::Duration;

use wharfinger_core::swift::origin;

use super::Numbers;

/// A setting of this component.
#[derive(Clone, Copy)]
pub struct Variable {
    /// Its name, after the prefix.
    pub name: &'static str,
    /// The key in the native server's file, below `registry`.
    pub key: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Read by whoever needs it.
    Text,
    Switch,
    Url,
    Number {
        default: u64,
        min: u64,
        max: u64,
        unit: &'static str,
        field: fn(&mut Numbers) -> &mut u64,
    },
    Seconds {
        default: u64,
        min: f64,
        max: u64,
        field: fn(&mut Numbers) -> &mut Duration,
    },
}

impl Variable {
    /// Its default, and what it may be, as docs/configuration.md says it; `None` of what is no number.
    pub fn range(&self) -> Option<(String, String)> {
        match self.kind {
            Kind::Text | Kind::Switch | Kind::Url => None,
            Kind::Number { default, min, max, unit, .. } => {
                Some((default.to_string(), format!("{min} to {max} {unit}")))
            }
            Kind::Seconds { default, min, max, .. } => {
                Some((default.to_string(), format!("{min} to {max} seconds")))
            }
        }
    }

    /// Sets what it stands for; without a text to the default.
    ///
    /// # Errors
    /// What it must be.
    pub(super) fn take(&self, text: Option<&str>, numbers: &mut Numbers) -> Result<(), String> {
        let within = || self.range().map(|(_, range)| range).unwrap_or_default();
        match self.kind {
            Kind::Text => {}
            Kind::Switch if text.is_none_or(|text| matches!(text, "true" | "false")) => {}
            Kind::Switch => return Err("true or false".to_owned()),
            Kind::Url if text.is_none_or(|text| text.is_empty() || origin(text).is_some()) => {}
            Kind::Url => return Err("a URL of http or https without user, path and query".to_owned()),
            Kind::Number { default, min, max, field, .. } => {
                let number = text.map_or(Some(default), |text| digits(text)?.parse().ok());
                let number = number.filter(|number| (min..=max).contains(number));
                *field(numbers) = number.ok_or_else(|| format!("a whole number, {}", within()))?;
            }
            Kind::Seconds { default, min, max, field } => {
                let seconds = text.map_or(Some(Duration::from_secs(default)), seconds);
                let range = Duration::from_secs_f64(min)..=Duration::from_secs(max);
                let seconds = seconds.filter(|seconds| range.contains(seconds));
                *field(numbers) = seconds.ok_or_else(|| format!("a number, {}", within()))?;
            }
        }
        Ok(())
    }
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole)?;
    digits(part)?;
    let seconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

const fn text(name: &'static str, key: &'static str) -> Variable {
    Variable { name, key, kind: Kind::Text }
}

const fn switch(name: &'static str, key: &'static str) -> Variable {
    Variable { name, key, kind: Kind::Switch }
}

const fn url(name: &'static str, key: &'static str) -> Variable {
    Variable { name, key, kind: Kind::Url }
}

const fn number(
    name: &'static str,
    key: &'static str,
    (default, min, max): (u64, u64, u64),
    unit: &'static str,
    field: fn(&mut Numbers) -> &mut u64,
) -> Variable {
    Variable { name, key, kind: Kind::Number { default, min, max, unit, field } }
}

const fn time(
    name: &'static str,
    key: &'static str,
    (default, min, max): (u64, f64, u64),
    field: fn(&mut Numbers) -> &mut Duration,
) -> Variable {
    Variable { name, key, kind: Kind::Seconds { default, min, max, field } }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// The shortest time limit.
const LEAST: f64 = 0.01;
/// A second, which is what URLs last at least.
const SECOND: f64 = 1.0;
/// The longest life of a token.
const TOKEN_MAX: u64 = 366 * DAY;
/// What most time limits are.
const MINUTE: (u64, f64, u64) = (60, LEAST, HOUR);

/// All settings of this component, with the defaults and bounds of the native server.
#[rustfmt::skip]
pub static VARIABLES: &[Variable] = &[
    url("PUBLIC_URL", "public-url"),
    text("SECRET", "secret"),
    text("OLD_SECRETS", "old-secrets"),
    text("USERS", "users"),
    text("RULES", "rules"),
    text("ISSUERS", "issuers"),
    text("CLIENT_CERTIFICATES", "client-certificates"),
    switch("OPEN_TO_ALL", "open-to-all"),
    text("PROXIES", "proxies"),
    number("TOKEN_SECONDS", "token-seconds", (3600, 1, TOKEN_MAX), "seconds", |n| &mut n.token_seconds),
    number("REFRESH_TOKEN_SECONDS", "refresh-token-seconds", (30 * DAY, 0, TOKEN_MAX), "seconds", |n| &mut n.refresh_token_seconds),
    switch("SPARSE_MANIFESTS", "sparse-manifests"),
    text("STORAGE_DRIVER", "storage.driver"),
    text("STORAGE_ROOT", "storage.root"),
    text("STORAGE_CONTAINER", "storage.container"),
    text("STORAGE_SEGMENTS_CONTAINER", "storage.segments-container"),
    switch("STORAGE_REDIRECT", "storage.redirect"),
    url("STORAGE_REDIRECT_URL", "storage.redirect-url"),
    time("STORAGE_REDIRECT_SECONDS", "storage.redirect-seconds", (1200, SECOND, 7 * DAY), |n| &mut n.redirect_time),
    time("STORAGE_REDIRECT_KEY_SECONDS", "storage.redirect-key-seconds", (30 * DAY, SECOND, 366 * DAY), |n| &mut n.redirect_key_time),
    number("LIMITS_HEAD_BYTES", "limits.head-bytes", (32 * KIB, KIB, MIB), "bytes", |n| &mut n.head_bytes),
    time("LIMITS_BODY_IDLE_SECONDS", "limits.body-idle-seconds", MINUTE, |n| &mut n.body_idle_time),
    time("LIMITS_STALL_SECONDS", "limits.stall-seconds", (20, LEAST, HOUR), |n| &mut n.stall_time),
    time("LIMITS_WRITE_IDLE_SECONDS", "limits.write-idle-seconds", MINUTE, |n| &mut n.write_idle_time),
    number("LIMITS_MANIFEST_BYTES", "limits.manifest-bytes", (4 * MIB, KIB, 64 * MIB), "bytes", |n| &mut n.manifest_bytes),
    number("LIMITS_MANIFEST_REFERENCES", "limits.manifest-references", (1000, 1, 100_000), "descriptors", |n| &mut n.manifest_references),
    number("LIMITS_COLLECTED_BYTES", "limits.collected-bytes", (16 * MIB, KIB, 64 * GIB), "bytes", |n| &mut n.collected_bytes),
    time("LIMITS_UPLOAD_AGE_SECONDS", "limits.upload-age-seconds", (DAY, LEAST, 30 * DAY), |n| &mut n.upload_age),
    time("LIMITS_GRACE_SECONDS", "limits.grace-seconds", (DAY, LEAST, 366 * DAY), |n| &mut n.grace),
    number("LIMITS_SEGMENT_BYTES", "limits.segment-bytes", (1024 * GIB, 64 * KIB, 1024 * GIB), "bytes", |n| &mut n.segment_bytes),
    number("LIMITS_CHUNK_MIN_BYTES", "limits.chunk-min-bytes", (0, 0, GIB), "bytes", |n| &mut n.chunk_min_bytes),
    time("LIMITS_STORE_SECONDS", "limits.store-seconds", MINUTE, |n| &mut n.store_time),
    time("LIMITS_RETRY_SECONDS", "limits.retry-seconds", (60, 0.0, HOUR), |n| &mut n.retry_time),
    number("LIMITS_RETRY_PERCENT", "limits.retry-percent", (10, 0, 1000), "percent", |n| &mut n.retry_percent),
    number("LIMITS_RETRIES_PER_SECOND", "limits.retries-per-second", (10, 0, 1_000_000), "per second", |n| &mut n.retries_per_second),
    number("LIMITS_PASSWORD_ADDRESS_FAILURES", "limits.password-address-failures", (20, 1, 1_000_000), "failures", |n| &mut n.password_address_failures),
    time("LIMITS_PASSWORD_ADDRESS_SECONDS", "limits.password-address-seconds", (3, LEAST, DAY), |n| &mut n.password_address_time),
    number("LIMITS_PASSWORD_USER_FAILURES", "limits.password-user-failures", (30, 1, 1_000_000), "failures", |n| &mut n.password_user_failures),
    time("LIMITS_PASSWORD_USER_SECONDS", "limits.password-user-seconds", (2, LEAST, DAY), |n| &mut n.password_user_time),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_keys() {
        for variable in VARIABLES {
            let name = variable.key.to_ascii_uppercase().replace(['.', '-'], "_");
            assert_eq!(variable.name, name);
        }
    }

    #[test]
    fn seconds_have_no_sign_and_no_exponent() {
        assert_eq!(seconds("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(seconds("60"), Some(Duration::from_secs(60)));
        for text in ["", "-1", "1e3", ".5", "5.", "inf"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
