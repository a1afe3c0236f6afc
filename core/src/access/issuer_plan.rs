use serde_json::Value;

use super::plan::read_user_name;
use super::problem::{Place, Problems};
use super::{ClaimName, Expected, Identity, Issuer, JwksSource, KeyFetch};

/// An issuer, as it is read.
pub(super) struct Read<'v> {
    pub issuer: Issuer,
    /// The users that its tokens can become, each with its place and what `access` says.
    pub users: Vec<(String, Box<str>, Option<Place<'v>>)>,
}

/// Reads one issuer.
pub(super) fn read<'v>(place: &Place<'v>, problems: &mut Problems) -> Option<Read<'v>> {
    let mut entries = problems.entries(place, "a mapping with name, issuer, audience and identities")?;
    let told = problems.0.len();
    let name = entries.need("name", "what to call it in logs", problems);
    let name = name.and_then(|place| problems.text(&place, "what to call it in logs"));
    let url = entries.need("issuer", URL, problems);
    let url = url.and_then(|place| Some((place.path.clone(), problems.text(&place, URL)?)));
    let audiences = entries.need("audience", AUDIENCE, problems);
    let audiences = audiences.map(|place| problems.texts(&place, AUDIENCE)).unwrap_or_default();
    let keys = entries.get("jwks-url");
    let keys = keys.and_then(|place| Some((place.path.clone(), problems.text(&place, URL)?)));
    let identities = entries.need("identities", "a list of identities", problems);
    let mut users = Vec::new();
    let identities =
        identities.map(|place| read_identities(&place, &mut users, problems)).unwrap_or_default();
    entries.finish(problems);
    let (name, (path, url)) = (name?, url?);
    let (keys, path) =
        keys.map_or((JwksSource::Discovery, path), |(path, url)| (JwksSource::Url(url.into()), path));
    let audiences = audiences.into_iter().map(|(_, audience)| audience.into()).collect();
    let issuer = Issuer { name: name.into(), url: url.into(), audiences, keys, identities };
    if let Err(error) = KeyFetch::new(&issuer) {
        problems.add(&path, error.to_string());
    }
    (problems.0.len() == told).then_some(Read { issuer, users })
}

fn read_identities<'v>(
    list: &Place<'v>,
    users: &mut Vec<(String, Box<str>, Option<Place<'v>>)>,
    problems: &mut Problems,
) -> Vec<Identity> {
    let mut identities = Vec::new();
    for identity in problems.list(list, "a list of identities") {
        let Some(mut entries) = problems.entries(&identity, "a mapping with user and claims") else {
            continue;
        };
        let user = entries.need("user", "the user that its tokens stand for", problems);
        let user = user.and_then(|place| read_user_name(&place, problems));
        let claims = entries.need("claims", CLAIMS, problems);
        let claims = claims.map(|place| read_claims(&place, problems));
        let level = entries.get("access");
        entries.finish(problems);
        if let (Some((path, user)), Some(claims)) = (user, claims) {
            users.push((path, user.clone(), level));
            identities.push(Identity { user, claims });
        }
    }
    identities
}

fn read_claims(place: &Place<'_>, problems: &mut Problems) -> Vec<(ClaimName, Expected)> {
    let Value::Object(claims) = place.value else {
        problems.add(&place.path, format!("found something else; expected {CLAIMS}"));
        return Vec::new();
    };
    if claims.is_empty() {
        let message = format!("without a claim, every token of the issuer would fit; expected {CLAIMS}");
        problems.add(&place.path, message);
    }
    let mut read = Vec::new();
    for (name, value) in claims {
        match serde_json::from_value(value.clone()) {
            Ok(expected) => read.push((ClaimName::new(name.as_str()), expected)),
            Err(_) => problems.add(
                &format!("{}.{name}", place.path),
                "expected a text, a whole number, true or false, or a list of such",
            ),
        }
    }
    read
}

const URL: &str = "a URL of https, as the issuer writes it into its tokens";
const AUDIENCE: &str = "what its tokens for this registry have as aud, such as the registry's URL";
const CLAIMS: &str = "claims and what each has to be, such as {repository: org/app}";
