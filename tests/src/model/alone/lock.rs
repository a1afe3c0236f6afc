use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::header;
use serde_json::Value;
use wharfinger_core::access::{Grant, KeySet, Verdict, open, open_refresh};
use wharfinger_core::exchange::{ReplyHead, Told as Answered};

use super::label::Label;
use super::scene::NOW;
use super::world::World;
use super::{Alone, Flaw, Mutant, Scene, Why};

/// What has to be known of who sends a request, and what comes of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lock {
    /// What the host has to have vouched for before it is known who it is.
    proofs: Vec<Label>,
    /// Whoever it is: it is not let in.
    barred: bool,
    /// The names of its certificate.
    pub(super) certificate: Vec<String>,
    /// Who began the upload that is gone on with.
    pub(super) uploader: Option<&'static str>,
    /// What tokens may say where all of this was vouched for.
    grants: Vec<(Vec<Label>, &'static str)>,
    /// A name that no reply has.
    hidden: Option<&'static str>,
}

impl Scene {
    /// Who sends it is known when the host has vouched for this.
    pub fn proved_by(mut self, labels: &str) -> Self {
        self.lock.proofs = Label::parse_all(labels);
        self
    }

    /// What the host has to have vouched for.
    pub(super) fn proofs(&self) -> &[Label] {
        &self.lock.proofs
    }

    /// Who sends it may not do it, and is refused so; 403 only if it is known who it is.
    pub fn barred(mut self, statuses: &'static [u16]) -> Self {
        self.lock.barred = true;
        self.deserving(statuses)
    }

    /// It comes with a verified certificate of this name.
    pub fn certified(mut self, name: &str) -> Self {
        self.lock.certificate.push(name.to_owned());
        self
    }

    /// The upload that it goes on with is this user's. Comes before the upload's segments.
    pub fn uploader(mut self, user: &'static str) -> Self {
        self.lock.uploader = Some(user);
        self
    }

    /// A token may be told that says this, such as `ci: a pull,push; renewed by ci`, if the host has vouched for all of this.
    pub fn granting(mut self, labels: &str, said: &'static str) -> Self {
        self.lock.grants.push((Label::parse_all(labels), said));
        self
    }

    /// No reply has this name.
    pub fn hiding(mut self, name: &'static str) -> Self {
        self.lock.hidden = Some(name);
        self
    }
}

impl World {
    /// Whether it is known who sends the request.
    pub(super) fn is_known(&self, scene: &Scene) -> bool {
        scene.lock.proofs.iter().all(|proof| self.seen.facts.contains(proof))
    }

    /// Whether its sender may be let in.
    pub(super) fn is_admitted(&self, scene: &Scene) -> bool {
        !scene.lock.barred && self.is_known(scene)
    }

    /// The host has said what it thinks of a password, or has given keys.
    pub(super) fn vouched(&mut self, answer: &Answered) {
        let why = match answer {
            Answered::Password(Verdict::Right) => {
                self.seen.facts.insert(Label::parse(PASSWORD));
                return;
            }
            Answered::Keys(Some(keys)) if *keys == *GOOD => {
                self.seen.facts.insert(Label::parse(KEYS));
                return;
            }
            Answered::Password(Verdict::Wrong) | Answered::Keys(Some(_)) => Why::Unproved,
            Answered::Password(Verdict::Slow(_)) => Why::Slow,
            Answered::Password(Verdict::Busy) | Answered::Keys(None) => Why::Busy,
            Answered::Granted
            | Answered::Denied
            | Answered::Renewed
            | Answered::Retry { .. }
            | Answered::Location(_) => return,
        };
        self.seen.why.insert(why);
    }

    /// Who is sent away is told where to log in, or when to come back.
    pub(super) fn helped(&mut self, model: &Alone, head: &ReplyHead, status: u16) {
        let field = |name| {
            let lost = matches!(model.mutant, Some(Mutant::FieldLost(lost)) if name == lost);
            let value = head.fields.iter().find(|(known, _)| *known == name).filter(|_| !lost);
            value.and_then(|(_, value)| value.to_str().ok())
        };
        let advised = match status {
            401 => field(header::WWW_AUTHENTICATE).is_some_and(|value| value.starts_with(CHALLENGE)),
            429 => field(header::RETRY_AFTER) == Some(SLOW_TEXT),
            503 if self.seen.why.contains(&Why::Busy) => field(header::RETRY_AFTER).is_some_and(is_a_while),
            _ => true,
        };
        if !advised {
            self.flaw(Flaw::NoAdvice);
        }
    }

    /// No reply has a name that is not for its reader.
    pub(super) fn shown(&mut self, scene: &Scene, bytes: &[u8]) {
        if scene.lock.hidden.is_some_and(|hidden| String::from_utf8_lossy(bytes).contains(hidden)) {
            self.flaw(Flaw::Leaked);
        }
    }

    /// What a token says that is told is what its asker may have: the token is opened.
    pub(super) fn granted(&mut self, model: &Alone, bytes: &Bytes) {
        let scene = model.scene(self);
        let Some(body) =
            serde_json::from_slice(bytes).ok().filter(|body: &Value| body.get("token").is_some())
        else {
            return;
        };
        let said = said(scene, &body, model.mutant == Some(Mutant::Widened));
        let holds = |labels: &[Label]| labels.iter().all(|label| self.seen.facts.contains(label));
        let may =
            scene.lock.grants.iter().any(|(labels, known)| said.as_deref() == Some(*known) && holds(labels));
        if !may {
            self.flaw(Flaw::Overgranted);
        }
    }
}

/// What the tokens of a reply say, such as `ci: a pull,push; renewed by ci`; `None` if one is not good, or is
/// good for too long.
fn said(scene: &Scene, body: &Value, widened: bool) -> Option<String> {
    let (keyring, service) = (scene.config.secret.keyring(), scene.config.access.front.service());
    let mut opened = open(keyring, service, body["token"].as_str()?, NOW).ok()?;
    if widened {
        opened.grant.access.iter_mut().for_each(|scope| {
            scope.actions = ["pull", "push", "delete"].map(Into::into).into();
        });
    }
    let Grant { subject, access } = opened.grant;
    let scopes = access.iter().map(|scope| format!("{} {}", scope.name, scope.actions.join(",")));
    let scopes = scopes.collect::<Vec<_>>().join(", ");
    let mut said = format!("{}: {scopes}", subject.as_deref().unwrap_or("nobody"));
    if let Some(token) = body.get("refresh_token") {
        let renewal = open_refresh(keyring, service, token.as_str()?, NOW).ok()?;
        said.push_str("; renewed by ");
        said.push_str(&renewal.opened.grant.subject?);
    }
    (opened.expires == NOW + LIFE_SECONDS).then_some(said)
}

fn is_a_while(seconds: &str) -> bool {
    seconds.parse().is_ok_and(|seconds: u32| seconds > 0)
}

/// All that a host may say of a password, in a word or two.
pub(super) fn verdicts() -> [(&'static str, Verdict); 4] {
    [
        ("is right", Verdict::Right),
        ("is wrong", Verdict::Wrong),
        ("was tried too often", Verdict::Slow(SLOW)),
        ("cannot be checked", Verdict::Busy),
    ]
}

/// All the keys that a host may give: those that the tokens of the scenes were signed with, others of the same name, or none.
pub(super) fn keys() -> [(&'static str, Option<Arc<KeySet>>); 3] {
    [("are there", Some(GOOD.clone())), ("are others", Some(OTHER.clone())), ("are not to be had", None)]
}

/// What an exchange hears of what the host said, by a built-in fault.
pub(super) fn misheard(mutant: Mutant, word: &str, answer: Answered) -> Answered {
    let Mutant::Misheard { of, said, heard } = mutant else { return answer };
    if word != said {
        return answer;
    }
    let verdict = verdicts().into_iter().find(|(word, _)| of == PASSWORD && *word == heard);
    let keys = keys().into_iter().find(|(word, _)| of == KEYS && *word == heard);
    let verdict = verdict.map(|(_, verdict)| Answered::Password(verdict));
    verdict.or(keys.map(|(_, keys)| Answered::Keys(keys))).unwrap_or(answer)
}

fn key_set(x: &str, y: &str) -> Arc<KeySet> {
    let document = format!(r#"{{"keys":[{{"kty":"EC","kid":"k","crv":"P-256","x":"{x}","y":"{y}"}}]}}"#);
    Arc::new(KeySet::parse(document.as_bytes()).expect("a key"))
}

/// The key of RFC 7515, A.3.
static GOOD: LazyLock<Arc<KeySet>> = LazyLock::new(|| {
    key_set("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
});

/// The generator of the curve.
static OTHER: LazyLock<Arc<KeySet>> = LazyLock::new(|| {
    key_set("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU")
});

/// That a password was right, as a label.
const PASSWORD: &str = "check password";

/// That the issuer's keys were had.
const KEYS: &str = "check keys";

const CHALLENGE: &str = "Bearer realm=\"/auth/token\",service=\"wharfinger\"";

const SLOW: Duration = Duration::from_secs(7);

const SLOW_TEXT: &str = "7";

/// How long tokens are good for, in seconds.
const LIFE_SECONDS: u64 = 3600;
