//! Who may do what: texts of JSON, of the shape that the native server's file has in YAML.

use serde_json::Value;
use wharfinger_core::access::{Access, GuardRate, GuardRates, Lives, Plan};
use wharfinger_core::swift::origin;
use wharfinger_core::upload::Secret as SealingSecret;

use super::{Numbers, PREFIX, SECRET_BYTES_MAX, SECRET_BYTES_MIN, Secret};

/// What seals and signs, and who may do what.
#[derive(Clone, Debug)]
pub struct Locks {
    /// The secret, and those that it took the place of.
    pub sealing: SealingSecret,
    /// Who may do what.
    pub access: Access,
    /// How many wrong passwords there may be.
    pub rates: GuardRates,
}

/// Reads the locks out of the variables, whose names come without what all begin with. An empty text is none that was left
/// out: the users may be what it should have held.
///
/// # Errors
/// All that is wrong, and nothing of what the variables hold.
pub(super) fn read<'a>(
    variable: &impl Fn(&str) -> Option<&'a str>,
    secret: &Secret,
    numbers: &Numbers,
) -> Result<Locks, Vec<String>> {
    let mut problems = Vec::new();
    let mut plan = Plan::default();
    for key in Plan::KEYS {
        let name = key.to_ascii_uppercase().replace('-', "_");
        let Some(text) = variable(&name) else { continue };
        match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                let found = plan.read(key, &value);
                problems.extend(found.iter().map(|problem| format!("{PREFIX}{name}: {problem}")));
            }
            Err(error) => problems.push(format!("{PREFIX}{name} must be a list as JSON: {error}")),
        }
    }
    let old = old_secrets(variable(OLD_SECRETS)).map_err(|problem| problems.push(problem));
    let is_open = variable("OPEN_TO_ALL") == Some("true");
    problems.extend(exposure(plan.is_silent(), is_open));
    let (true, Ok(old)) = (problems.is_empty(), old) else { return Err(problems) };
    let old: Vec<&[u8]> = old.iter().map(String::as_bytes).collect();
    let sealing = SealingSecret::with_old(secret.as_bytes(), &old);
    let public_url = variable("PUBLIC_URL").and_then(origin);
    let lives = Lives { access: numbers.token_time(), refresh: numbers.refresh_token_time() };
    let access = plan.finish(&sealing, public_url.as_deref(), lives);
    let access = access.map_err(|found| {
        let told = found.iter().map(|problem| format!("{PREFIX}USERS, _RULES and _ISSUERS: {problem}"));
        told.collect::<Vec<_>>()
    })?;
    Ok(Locks { sealing, access, rates: rates(numbers) })
}

/// What is wrong with who gets in, if it is: this component cannot see who reaches it.
fn exposure(is_silent: bool, is_open: bool) -> Option<String> {
    match (is_silent, is_open) {
        (true, false) => Some(format!(
            "there are no {PREFIX}USERS, {PREFIX}RULES or {PREFIX}ISSUERS, so whoever reaches this could push, pull and delete: set them, or {PREFIX}OPEN_TO_ALL=true if everybody may"
        )),
        (false, true) => Some(format!(
            "{PREFIX}OPEN_TO_ALL is true, and there are {PREFIX}USERS or the like: remove the first, or them"
        )),
        (true, true) | (false, false) => None,
    }
}

fn old_secrets(text: Option<&str>) -> Result<Vec<String>, String> {
    let secrets = text.map_or(Some(Vec::new()), |text| serde_json::from_str::<Vec<String>>(text).ok());
    let fits = |secret: &String| (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len());
    secrets.filter(|secrets| secrets.iter().all(fits)).ok_or_else(|| {
        format!(
            "{PREFIX}{OLD_SECRETS} must be a list as JSON, of texts of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes"
        )
    })
}

fn rates(numbers: &Numbers) -> GuardRates {
    let rate = |failures, every| GuardRate { burst: u32::try_from(failures).unwrap_or(u32::MAX), every };
    GuardRates {
        address: rate(numbers.password_address_failures, numbers.password_address_time),
        user: rate(numbers.password_user_failures, numbers.password_user_time),
    }
}

const OLD_SECRETS: &str = "OLD_SECRETS";
