//! Settings that are good by themselves, and not together.

use std::time::Duration;

use wharfinger_core::settings::{SWIFT_COLLECTED_BYTES_MIN, Unheeded};

use super::table::VARIABLES;
use super::{Numbers, PREFIX};

/// What is wrong between settings, as the native server finds it: what contradicts, and what would have no effect.
/// A number that is wrong by itself is told elsewhere, and is 0 here.
pub(super) fn clashes(
    is_set: &dyn Fn(&str) -> bool,
    in_swift: bool,
    redirects: bool,
    numbers: &Numbers,
) -> Vec<String> {
    let mut clashes: Vec<String> = manifests(numbers).into_iter().collect();
    clashes.extend(collected(numbers).filter(|_| in_swift));
    clashes.extend(urls(numbers).filter(|_| in_swift && redirects));
    let no_swift = (redirects && !in_swift).then(|| {
        format!(
            "{PREFIX}STORAGE_REDIRECT is true, which is for {PREFIX}STORAGE_DRIVER=swift, as no client can read a directory: remove it, or choose that driver"
        )
    });
    let unheeded = VARIABLES.iter().filter(|variable| is_set(variable.name)).filter_map(|variable| {
        let key = variable.key.strip_prefix("storage.")?;
        let why = match Unheeded::of(key, in_swift, redirects)? {
            Unheeded::ForSwift => {
                format!("is for {PREFIX}STORAGE_DRIVER=swift: remove it, or choose that driver")
            }
            Unheeded::ForFiles => {
                format!("is for {PREFIX}STORAGE_DRIVER=filesystem: remove it, or choose that driver")
            }
            Unheeded::ForRedirects => {
                format!("has an effect with {PREFIX}STORAGE_REDIRECT=true alone: remove it, or turn that on")
            }
        };
        Some(format!("{PREFIX}{} {why}", variable.name))
    });
    clashes.extend(no_swift);
    clashes.extend(unheeded);
    clashes
}

fn manifests(Numbers { manifest_bytes, collected_bytes, .. }: &Numbers) -> Option<String> {
    (*collected_bytes > 0 && manifest_bytes > collected_bytes).then(|| {
        format!(
            "{PREFIX}LIMITS_MANIFEST_BYTES is {manifest_bytes}, expected at most {PREFIX}LIMITS_COLLECTED_BYTES, which is {collected_bytes}: lower the first or raise the second"
        )
    })
}

fn collected(Numbers { collected_bytes, .. }: &Numbers) -> Option<String> {
    let bytes = *collected_bytes;
    let few = bytes > 0 && bytes < SWIFT_COLLECTED_BYTES_MIN;
    few.then(|| {
        format!(
            "{PREFIX}LIMITS_COLLECTED_BYTES is {bytes}, expected at least {SWIFT_COLLECTED_BYTES_MIN} with {PREFIX}STORAGE_DRIVER=swift, which merges small segments in memory: raise it"
        )
    })
}

fn urls(numbers: &Numbers) -> Option<String> {
    let (life, period) = (numbers.redirect_time, numbers.redirect_key_time);
    let outlives = period > Duration::ZERO && life > period;
    outlives
        .then(|| {
            let (life, period) = (life.as_secs_f64(), period.as_secs_f64());
            format!(
                "{PREFIX}STORAGE_REDIRECT_SECONDS is {life} and {PREFIX}STORAGE_REDIRECT_KEY_SECONDS {period}, expected at most as much: lower the first or raise the second"
            )
        })
}
