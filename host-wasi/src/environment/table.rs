use std::time::Duration;

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
    Bytes {
        default: u64,
        field: fn(&mut Numbers) -> &mut u64,
    },
    Seconds {
        default: u64,
        field: fn(&mut Numbers) -> &mut Duration,
    },
}

impl Variable {
    /// Sets what it stands for; without a text to the default.
    ///
    /// # Errors
    /// What it must be.
    pub(super) fn take(&self, text: Option<&str>, numbers: &mut Numbers) -> Result<(), &'static str> {
        match self.kind {
            Kind::Text => {}
            Kind::Switch if text.is_none_or(|text| matches!(text, "true" | "false")) => {}
            Kind::Switch => return Err("true or false"),
            Kind::Bytes { default, field } => {
                let number = text.map_or(Some(default), |text| digits(text)?.parse().ok());
                *field(numbers) = number.ok_or("a whole number")?;
            }
            Kind::Seconds { default, field } => {
                let seconds = text.map_or(Some(Duration::from_secs(default)), seconds);
                *field(numbers) = seconds.ok_or("a number of seconds")?;
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
    (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).ok())?
}

const fn text(name: &'static str, key: &'static str) -> Variable {
    Variable { name, key, kind: Kind::Text }
}

const fn bytes(
    name: &'static str,
    key: &'static str,
    default: u64,
    field: fn(&mut Numbers) -> &mut u64,
) -> Variable {
    Variable { name, key, kind: Kind::Bytes { default, field } }
}

const fn time(
    name: &'static str,
    key: &'static str,
    default: u64,
    field: fn(&mut Numbers) -> &mut Duration,
) -> Variable {
    Variable { name, key, kind: Kind::Seconds { default, field } }
}

const DAY: u64 = 24 * 3600;

/// All settings of this component.
pub static VARIABLES: &[Variable] = &[
    text("SECRET", "secret"),
    Variable { name: "SPARSE_MANIFESTS", key: "sparse-manifests", kind: Kind::Switch },
    text("STORAGE_DRIVER", "storage.driver"),
    text("STORAGE_ROOT", "storage.root"),
    text("STORAGE_CONTAINER", "storage.container"),
    text("STORAGE_SEGMENTS_CONTAINER", "storage.segments-container"),
    bytes("LIMITS_HEAD_BYTES", "limits.head-bytes", 32 << 10, |n| &mut n.head_bytes),
    time("LIMITS_BODY_IDLE_SECONDS", "limits.body-idle-seconds", 60, |n| &mut n.body_idle_time),
    time("LIMITS_STALL_SECONDS", "limits.stall-seconds", 20, |n| &mut n.stall_time),
    time("LIMITS_WRITE_IDLE_SECONDS", "limits.write-idle-seconds", 60, |n| &mut n.write_idle_time),
    bytes("LIMITS_MANIFEST_BYTES", "limits.manifest-bytes", 4 << 20, |n| &mut n.manifest_bytes),
    bytes("LIMITS_MANIFEST_REFERENCES", "limits.manifest-references", 1000, |n| &mut n.manifest_references),
    bytes("LIMITS_COLLECTED_BYTES", "limits.collected-bytes", 16 << 20, |n| &mut n.collected_bytes),
    time("LIMITS_UPLOAD_AGE_SECONDS", "limits.upload-age-seconds", DAY, |n| &mut n.upload_age),
    time("LIMITS_GRACE_SECONDS", "limits.grace-seconds", DAY, |n| &mut n.grace),
    bytes("LIMITS_SEGMENT_BYTES", "limits.segment-bytes", 1 << 30, |n| &mut n.segment_bytes),
    bytes("LIMITS_CHUNK_MIN_BYTES", "limits.chunk-min-bytes", 0, |n| &mut n.chunk_min_bytes),
    time("LIMITS_STORE_SECONDS", "limits.store-seconds", 60, |n| &mut n.store_time),
    time("LIMITS_RETRY_SECONDS", "limits.retry-seconds", 60, |n| &mut n.retry_time),
    bytes("LIMITS_RETRY_PERCENT", "limits.retry-percent", 10, |n| &mut n.retry_percent),
    bytes("LIMITS_RETRIES_PER_SECOND", "limits.retries-per-second", 10, |n| &mut n.retries_per_second),
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
        for text in ["", "-1", "1e3", ".5", "5.", "0", "inf"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
