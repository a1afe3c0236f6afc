//! What clients do that changes the store: each with what stands before it, and what may stand after it.

use std::io;
use std::net::SocketAddr;

use crate::digest::sha256;
use crate::http::Response;
use crate::image::{CONFIG, MANIFEST};
use crate::random::Random;
use crate::repository::{OCTETS, Repository, finishing, location};
use serde_json::{Value, json};

/// A size of segments with which the forms have several, in bytes.
pub const SEGMENT_BYTES: usize = 512 * 1024;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// POST and PUT of a blob that fits the memory of the registry.
    SmallBlob,
    /// POST, PATCH, PATCH and PUT with the last part: segments that are copied together.
    Pieces,
    /// POST and PUT of a blob of several segments.
    Segments,
    /// POST, PATCH and an empty PUT: the one segment becomes the blob.
    OnePiece,
    /// PUT of a manifest with a subject under a tag that has another one.
    Manifest,
    /// POST that mounts a blob of another repository.
    Mount,
    /// DELETE of a blob.
    DeleteBlob,
    /// DELETE of a manifest that has a tag and a subject.
    DeleteManifest,
    /// DELETE of a tag.
    DeleteTag,
    /// POST, PATCH, and DELETE of the upload.
    Cancel,
}

/// All of them.
pub const FORMS: [Form; 10] = [
    Form::SmallBlob,
    Form::Pieces,
    Form::Segments,
    Form::OnePiece,
    Form::Manifest,
    Form::Mount,
    Form::DeleteBlob,
    Form::DeleteManifest,
    Form::DeleteTag,
    Form::Cancel,
];

/// How far an action came.
#[derive(Debug)]
pub struct Told {
    /// The status that says it is done.
    expected: u16,
    /// The last answer; none if the registry went down before it, or with it.
    pub last: Option<Response>,
    /// The upload that was acknowledged last, and how many bytes of it.
    upload: Option<(String, usize)>,
}

impl Told {
    /// Whether it was told to be done.
    pub fn success(&self) -> bool {
        self.last.as_ref().is_some_and(|response| response.status() == self.expected)
    }
}

/// One form with content of its own, at one registry.
#[derive(Debug)]
pub struct Action {
    form: Form,
    app: Repository,
    other: Repository,
    target: String,
    body: Vec<u8>,
    kept: Vec<u8>,
    config: Vec<u8>,
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Action {
    /// The form at the registry there; other seeds give other repositories and content.
    pub fn new(form: Form, address: SocketAddr, seed: u64) -> Self {
        let length = match form {
            Form::SmallBlob
            | Form::Mount
            | Form::DeleteBlob
            | Form::DeleteTag
            | Form::DeleteManifest
            | Form::Manifest => 1000,
            Form::Pieces | Form::OnePiece | Form::Cancel => 250_000,
            Form::Segments => 2 * SEGMENT_BYTES + 250_000,
        };
        let name = format!("crash/app{seed}");
        let config = format!("{{\"seed\":{seed}}}").into_bytes();
        let kept = Random::new(seed * 2).bytes(700);
        let first = manifest(&config, &kept, None);
        let second = manifest(&config, &kept, Some(&first));
        Self {
            form,
            app: Repository::new(address, &name),
            other: Repository::new(address, &format!("crash/other{seed}")),
            target: format!("/v2/{name}/"),
            body: Random::new(seed * 2 + 1).bytes(length),
            kept,
            config,
            first,
            second,
        }
    }

    /// Brings what has to stand before, and what must never suffer.
    ///
    /// # Errors
    /// The registry does not take it.
    pub fn prepare(&self) -> io::Result<()> {
        for blob in [&self.kept, &self.config] {
            self.app.push_whole(blob)?.expect(201)?;
        }
        self.app.push_manifest("t", MANIFEST, &self.first)?.expect(201)?;
        match self.form {
            Form::Mount => drop(self.other.push_whole(&self.body)?.expect(201)?),
            Form::DeleteBlob => drop(self.app.push_whole(&self.body)?.expect(201)?),
            Form::DeleteManifest | Form::DeleteTag => {
                self.app.push_manifest("u", MANIFEST, &self.second)?.expect(201)?;
            }
            Form::SmallBlob
            | Form::Pieces
            | Form::Segments
            | Form::OnePiece
            | Form::Manifest
            | Form::Cancel => {}
        }
        Ok(())
    }

    /// Does it; whatever breaks off is no error.
    pub fn act(&self) -> Told {
        let expected = match self.form {
            Form::SmallBlob
            | Form::Pieces
            | Form::Segments
            | Form::OnePiece
            | Form::Manifest
            | Form::Mount => 201,
            Form::DeleteBlob | Form::DeleteManifest | Form::DeleteTag => 202,
            Form::Cancel => 204,
        };
        let mut told = Told { expected, last: None, upload: None };
        // The registry may go down at any time: then what was told before counts.
        if self.speak(&mut told).is_err() {
            told.last = None;
        }
        told
    }

    fn speak(&self, told: &mut Told) -> io::Result<()> {
        let digest = sha256(&self.body);
        match self.form {
            Form::SmallBlob | Form::Segments => self.upload(told, &[], &self.body),
            Form::Pieces => self.upload(
                told,
                &[&self.body[..100_000], &self.body[100_000..200_000]],
                &self.body[200_000..],
            ),
            Form::OnePiece => self.upload(told, &[&self.body], &[]),
            Form::Cancel => {
                let mut connection = self.app.connect()?;
                let begun = self.app.begin(&mut connection)?;
                let patched = connection.request("PATCH", &begun, &[OCTETS], &self.body)?;
                if patched.status() != 202 {
                    told.last = Some(patched);
                    return Ok(());
                }
                told.last = Some(connection.request("DELETE", &location(&patched)?, &[], b"")?);
                Ok(())
            }
            Form::Manifest => self.last(told, self.app.push_manifest("t", MANIFEST, &self.second)),
            Form::Mount => {
                let from = self.target.replace("/v2/crash/app", "crash/other");
                let query = format!("blobs/uploads/?mount={digest}&from={}", from.trim_end_matches('/'));
                self.last(told, self.app.ask("POST", &query))
            }
            Form::DeleteBlob => self.last(told, self.app.ask("DELETE", &format!("blobs/{digest}"))),
            Form::DeleteManifest => {
                self.last(told, self.app.ask("DELETE", &format!("manifests/{}", sha256(&self.second))))
            }
            Form::DeleteTag => self.last(told, self.app.ask("DELETE", "manifests/u")),
        }
    }

    fn last(&self, told: &mut Told, response: io::Result<Response>) -> io::Result<()> {
        told.last = Some(response?);
        Ok(())
    }

    fn upload(&self, told: &mut Told, pieces: &[&[u8]], rest: &[u8]) -> io::Result<()> {
        let mut connection = self.app.connect()?;
        let mut at = self.app.begin(&mut connection)?;
        told.upload = Some((at.clone(), 0));
        let mut sent = 0;
        for piece in pieces {
            let patched = connection.request("PATCH", &at, &[OCTETS], piece)?;
            if patched.status() != 202 {
                told.last = Some(patched);
                return Ok(());
            }
            at = location(&patched)?;
            sent += piece.len();
            told.upload = Some((at.clone(), sent));
        }
        let finished = connection.request("PUT", &finishing(&at, &sha256(&self.body)), &[OCTETS], rest)?;
        told.last = Some(finished);
        Ok(())
    }

    /// Looks whether all is there as it was told, and nothing by halves.
    ///
    /// # Errors
    /// An answer is none that a registry may give.
    ///
    /// # Panics
    /// Something is lost, back, or there by halves.
    pub fn check(&self, told: &Told) -> io::Result<()> {
        let done = told.success();
        for blob in [&self.kept, &self.config] {
            assert!(self.app.read(&sha256(blob))?.is_some(), "a blob is lost that was acknowledged before");
        }
        let (first, second) = (sha256(&self.first), sha256(&self.second));
        assert_eq!(self.manifest(&first)?.as_ref(), Some(&first), "a manifest is lost");
        let there = self.blob()?;
        match self.form {
            Form::SmallBlob | Form::Pieces | Form::Segments | Form::OnePiece | Form::Mount => {
                assert!(there || !done, "an acknowledged blob is lost");
            }
            Form::DeleteBlob => assert!(!there || !done, "a deleted blob is back"),
            Form::Cancel => assert!(!there, "a cancelled upload became a blob"),
            Form::Manifest => self.check_put(done, &first, &second)?,
            Form::DeleteManifest | Form::DeleteTag => self.check_deleted(done, &second)?,
        }
        if self.form == Form::Mount {
            assert!(
                self.other.read(&sha256(&self.body))?.is_some(),
                "a mounted blob is lost where it came from"
            );
        }
        Ok(())
    }

    fn check_put(&self, done: bool, first: &String, second: &String) -> io::Result<()> {
        let tagged = self.manifest("t")?;
        let by_digest = self.manifest(second)?;
        assert!(by_digest.is_none() || by_digest.as_ref() == Some(second));
        match tagged {
            Some(tagged) if tagged == *second => assert!(by_digest.is_some(), "a tag without its manifest"),
            tagged => assert!(tagged.as_ref() == Some(first) && !done, "the tag shows {tagged:?}"),
        }
        let listed = self.refers(first, second)?;
        assert!(!listed || by_digest.is_some(), "a referrer is listed that is not there");
        assert!(listed || !done, "a referrer is not listed");
        assert_eq!(self.tags()?, ["t"]);
        Ok(())
    }

    fn check_deleted(&self, done: bool, second: &String) -> io::Result<()> {
        let tagged = self.manifest("u")?;
        let by_digest = self.manifest(second)?;
        assert!(tagged.as_ref().is_none_or(|tagged| tagged == second));
        assert!(tagged.is_none() || by_digest.is_some(), "a tag without its manifest");
        assert_eq!(self.tags()?.contains(&"u".to_owned()), tagged.is_some());
        let listed = self.refers(&sha256(&self.first), second)?;
        assert!(!listed || by_digest.is_some(), "a referrer is listed that is not there");
        if self.form == Form::DeleteManifest {
            assert!(!done || (tagged.is_none() && by_digest.is_none()), "a deleted manifest is back");
        } else {
            assert!(by_digest.is_some() && listed, "a manifest went with its tag");
            assert!(!done || tagged.is_none(), "a deleted tag is back");
        }
        Ok(())
    }

    /// Does it again, which must go well, and leave it done.
    ///
    /// # Errors
    /// As [`Action::check`].
    ///
    /// # Panics
    /// It is refused, or not done as it is told.
    pub fn again(&self) -> io::Result<()> {
        let told = self.act();
        let response = told.last.as_ref().ok_or_else(|| io::Error::other("the second time broke off"))?;
        let gone = response.status() == 404
            && matches!(self.form, Form::DeleteBlob | Form::DeleteManifest | Form::DeleteTag);
        assert!(told.success() || gone, "the second time: {} {}", response.status(), response.text());
        self.check(&told)
    }

    /// Goes on with an upload where it was acknowledged.
    ///
    /// # Errors
    /// The registry knows nothing of it, or does not take the rest.
    ///
    /// # Panics
    /// It has not what it acknowledged, or makes no blob of it.
    pub fn resume(&self, told: &Told) -> io::Result<()> {
        let Some((at, sent)) = told.upload.as_ref().filter(|_| !told.success()) else { return Ok(()) };
        let mut connection = self.app.connect()?;
        let status = connection.request("GET", at, &[], b"")?.expect(204)?;
        let range = format!("0-{}", sent.saturating_sub(1));
        assert_eq!(status.head.field("range"), Some(range.as_str()));
        let target = finishing(at, &sha256(&self.body));
        connection.request("PUT", &target, &[OCTETS], &self.body[*sent..])?.expect(201)?;
        assert!(self.blob()?, "the upload that went on made no blob");
        Ok(())
    }

    fn blob(&self) -> io::Result<bool> {
        let digest = sha256(&self.body);
        let found = self.app.read(&digest)?.map(|bytes| bytes.len() as u64);
        assert_eq!(self.app.stat(&digest)?, found);
        Ok(found.is_some())
    }

    fn manifest(&self, reference: &str) -> io::Result<Option<String>> {
        Ok(self.app.read_manifest(reference)?.map(|bytes| sha256(&bytes)))
    }

    fn tags(&self) -> io::Result<Vec<String>> {
        let list: Value = serde_json::from_slice(&self.app.ask("GET", "tags/list")?.expect(200)?.body)?;
        let tags = list["tags"].as_array().into_iter().flatten();
        Ok(tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
    }

    fn refers(&self, subject: &str, referrer: &str) -> io::Result<bool> {
        let index: Value =
            serde_json::from_slice(&self.app.ask("GET", &format!("referrers/{subject}"))?.expect(200)?.body)?;
        Ok(index["manifests"].as_array().into_iter().flatten().any(|entry| entry["digest"] == referrer))
    }
}

fn manifest(config: &[u8], layer: &[u8], subject: Option<&[u8]>) -> Vec<u8> {
    let about =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()});
    let layers = [about("application/octet-stream", layer)];
    let mut manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": about(CONFIG, config), "layers": layers});
    if let Some(subject) = subject {
        manifest["subject"] = about(MANIFEST, subject);
    }
    manifest.to_string().into_bytes()
}
