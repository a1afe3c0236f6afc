//! What clients are told, held against what may be.

use http::Method;
use wharfinger_core::oci::{Algorithm, Digest};

use super::{Event, Running, World};
use crate::sim::desk::Reply;
use crate::sim::names::{self, REPOSITORIES, TAGS};
use crate::sim::oracle::Intent;

impl World {
    /// An exchange is over, one way or another.
    pub fn over(&mut self, run: &Running, reply: Reply) {
        self.report.exchanges += 1;
        let took = self.now - run.begun.0;
        self.report.longest = self.report.longest.max(took);
        self.report.calls_max = self.report.calls_max.max(run.sent);
        if took > EXCHANGE_TIME_MAX || run.sent > CALLS_MAX {
            self.fail(format!("exchange {} took {} ms and {} calls", run.id, took / 1000, run.sent));
        }
        let status = if reply.whole { reply.status } else { 0 };
        self.log(|| {
            format!("{} is over: {} {}", run.id, reply.status, if reply.whole { "" } else { "broken" })
        });
        self.count(kind_of(&run.intent), method_of(&run.method), status);
        let (from, to) = (run.begun.1, self.step);
        if let Err(what) = self.judge(run, &reply, from, to) {
            self.fail(format!("exchange {} ({:?} {:?}): {what}", run.id, run.method, run.intent));
        }
        if is_done(&run.intent, status) {
            self.oracle.told(run.id, to);
            if run.failed && status == 201 {
                self.count("event", "201 after a call broke off", 0);
            }
            self.done_for_good(run);
        }
        self.hidden.remove(&run.id);
        if self.pending.get(&run.id).is_none_or(|count| *count == 0) {
            self.oracle.settle(run.id, to);
        }
        match run.client {
            None => self.looked = Some(reply),
            Some(client) => {
                let time = self.latency();
                self.after(time, Event::Client { client, reply: Some(Box::new(reply)) });
            }
        }
    }

    /// A request that changes something has come to Swift, or never will.
    pub fn settled_one(&mut self, exchange: u64) {
        let Some(count) = self.pending.get_mut(&exchange) else { return };
        *count -= 1;
        if *count == 0 {
            self.pending.remove(&exchange);
            if !self.running.contains_key(&exchange) {
                self.oracle.settle(exchange, self.step);
            }
        }
    }

    /// Remembers what a listing did not show.
    pub fn note_hidden(&mut self, exchange: u64) {
        if !self.swift.hidden.is_empty() {
            let hidden = std::mem::take(&mut self.swift.hidden);
            self.hidden.entry(exchange).or_default().extend(hidden);
        }
    }

    /// The client was told that it is done: whoever looks sees it, in every process.
    fn done_for_good(&mut self, run: &Running) {
        match &run.intent {
            Intent::PushBlob { repository, digest } => {
                self.relied.insert(names::link(REPOSITORIES[*repository], digest), self.now);
                let intent = Intent::ReadBlob { repository: *repository, digest: *digest, range: None };
                let target = format!("/v2/{}/blobs/{digest}", REPOSITORIES[*repository]);
                self.looks.push((Method::HEAD, target.clone(), intent.clone()));
                self.looks.push((Method::GET, target, intent));
            }
            Intent::PushManifest { repository, image, tag } => {
                let digest = self.oracle.goods.images[*image].digest;
                let target =
                    |reference: &str| format!("/v2/{}/manifests/{reference}", REPOSITORIES[*repository]);
                let intent = Intent::ReadManifest { repository: *repository, image: *image };
                self.looks.push((Method::GET, target(&digest.to_string()), intent));
                if let Some(tag) = tag {
                    let intent = Intent::ReadTag { repository: *repository, tag: *tag };
                    self.looks.push((Method::GET, target(TAGS[*tag]), intent));
                }
            }
            Intent::DeleteManifest { repository, image } => self.tags_are_gone(run.id, *repository, *image),
            Intent::DeleteBlob { .. }
            | Intent::DeleteTag { .. }
            | Intent::None
            | Intent::Intrude
            | Intent::ReadBlob { .. }
            | Intent::ReadManifest { .. }
            | Intent::ReadTag { .. }
            | Intent::ListTags { .. }
            | Intent::ListReferrers { .. } => {}
        }
    }

    /// A delete of a manifest leaves no tag to it: one that no listing showed aside, or that came meanwhile.
    fn tags_are_gone(&mut self, exchange: u64, repository: usize, image: usize) {
        let digest = self.oracle.goods.images[image].digest;
        let begun = self.oracle.begun(exchange).unwrap_or(0);
        for tag in TAGS {
            let path = names::tag(REPOSITORIES[repository], tag);
            let held =
                self.swift.newest(&path).and_then(|content| super::super::store_check::named(&content.bytes));
            if held != Some(digest) || self.oracle.pushed_since(&path, Some(digest), begun) {
                continue;
            }
            if self.hidden.get(&exchange).is_some_and(|hidden| hidden.contains(&path)) {
                self.oracle.known.push("a listing did not show a tag of a deleted manifest");
            } else {
                self.fail(format!("{path} holds {digest}, whose delete {exchange} is done"));
            }
        }
    }

    /// Looks at what somebody was just told of.
    pub(super) fn look(&mut self) {
        while let Some((method, target, intent)) = self.looks.pop() {
            let status = self.look_by(method, target.clone(), intent).status;
            if !matches!(status, 200 | 404) {
                self.fail(format!("{target} is answered {status} although nothing fails"));
            }
        }
    }

    /// At the end: nothing runs, and everything that has to be there is, by whatever process it is asked for.
    pub(super) fn look_at_all(&mut self) {
        let goods = self.oracle.goods.clone();
        // What was on its way when all was healed may have missed a server.
        self.swift.converge();
        for (repository, name) in REPOSITORIES.into_iter().enumerate() {
            for blob in &goods.blobs {
                let target = format!("/v2/{name}/blobs/{}", blob.digest);
                let intent = Intent::ReadBlob { repository, digest: blob.digest, range: None };
                self.looks.push((Method::HEAD, target.clone(), intent.clone()));
                self.looks.push((Method::GET, target, intent));
            }
            for (image, digest) in goods.images.iter().map(|image| image.digest).enumerate() {
                let target = format!("/v2/{name}/manifests/{digest}");
                self.looks.push((Method::GET, target, Intent::ReadManifest { repository, image }));
            }
            for (tag, text) in TAGS.into_iter().enumerate() {
                let target = format!("/v2/{name}/manifests/{text}");
                self.looks.push((Method::GET, target, Intent::ReadTag { repository, tag }));
            }
            let tags = format!("/v2/{name}/tags/list");
            self.looks.push((Method::GET, tags, Intent::ListTags { repository }));
            let referrers = format!("/v2/{name}/referrers/{}", goods.images[0].digest);
            self.looks.push((Method::GET, referrers, Intent::ListReferrers { repository }));
        }
        self.step += 1;
        self.look();
        self.check_all();
    }

    fn judge(&mut self, run: &Running, reply: &Reply, from: u64, to: u64) -> Result<(), String> {
        let name = |at: &usize| REPOSITORIES[*at];
        match &run.intent {
            Intent::None => Ok(()),
            Intent::Intrude if run.sent > 0 => {
                Err("the store was asked for somebody who may not ask".to_owned())
            }
            Intent::Intrude => Ok(()),
            Intent::PushBlob { .. } | Intent::PushManifest { .. } => {
                let good = reply.whole && (200..300).contains(&reply.status) && reply.status == 201;
                match good && !run.body.is_whole() {
                    true => Err("was told 201 for a body that broke off".to_owned()),
                    false => Ok(()),
                }
            }
            Intent::DeleteBlob { repository, digest } => {
                self.seen_gone(&names::link(name(repository), digest), run.id, reply, from, to)
            }
            Intent::DeleteTag { repository, tag } => {
                self.seen_gone(&names::tag(name(repository), TAGS[*tag]), run.id, reply, from, to)
            }
            Intent::DeleteManifest { repository, image } => {
                let digest = self.oracle.goods.images[*image].digest;
                self.seen_gone(&names::manifest(name(repository), &digest), run.id, reply, from, to)
            }
            Intent::ReadBlob { repository, digest, range } => {
                let path = names::link(name(repository), digest);
                self.read_blob(run, reply, &path, digest, *range)?;
                if run.method == Method::HEAD && reply.status == 200 {
                    self.relied.insert(path.clone(), self.now);
                }
                self.seen(&path, reply, None, from, to)
            }
            Intent::ReadManifest { repository, image } => {
                let digest = self.oracle.goods.images[*image].digest;
                self.read_manifest(run, reply, &digest)?;
                self.seen(&names::manifest(name(repository), &digest), reply, None, from, to)
            }
            Intent::ReadTag { repository, tag } => {
                let path = names::tag(name(repository), TAGS[*tag]);
                let digest =
                    reply.field("docker-content-digest").and_then(|digest| Digest::parse(digest).ok());
                if let Some(digest) = &digest {
                    self.read_manifest(run, reply, digest)?;
                }
                self.seen(&path, reply, digest, from, to)
            }
            Intent::ListTags { repository } => self.read_tags(name(repository), reply),
            Intent::ListReferrers { repository } => self.read_referrers(name(repository), reply),
        }
    }

    fn seen(
        &mut self,
        path: &str,
        reply: &Reply,
        value: Option<Digest>,
        from: u64,
        to: u64,
    ) -> Result<(), String> {
        match reply.status {
            200 | 206 | 304 => self.oracle.may(path, Some(value), from, to),
            404 => self.oracle.may(path, None, from, to),
            0 | 429 | 503 | 507 => Ok(()),
            // Content of no byte has no range.
            416 => Ok(()),
            status => Err(format!("was answered {status}")),
        }
    }

    /// A delete that finds nothing has seen that nothing is there.
    fn seen_gone(
        &mut self,
        path: &str,
        exchange: u64,
        reply: &Reply,
        from: u64,
        to: u64,
    ) -> Result<(), String> {
        match reply.status {
            404 => self.oracle.may_without(path, exchange, from, to),
            0 | 202 | 429 | 503 | 507 => Ok(()),
            status => Err(format!("was answered {status}")),
        }
    }

    fn read_blob(
        &mut self,
        run: &Running,
        reply: &Reply,
        path: &str,
        digest: &Digest,
        range: Option<(usize, usize)>,
    ) -> Result<(), String> {
        if !matches!(reply.status, 200 | 206) {
            return Ok(());
        }
        let goods = self.oracle.goods.clone();
        let Some(blob) = goods.blob_of(&digest.to_string()) else {
            return Err(format!("{path} is of nobody"));
        };
        let expected = match (reply.status, range) {
            (206, Some((first, end))) => blob.bytes.slice(first..end.min(blob.bytes.len())),
            (_, _) => blob.bytes.clone(),
        };
        if run.method == Method::HEAD {
            return Ok(());
        }
        let good = if reply.whole { reply.body == expected } else { expected.starts_with(&reply.body) };
        match good {
            true => Ok(()),
            false => Err(format!("got {:?} of {path}, which is {expected:?}", reply.body)),
        }
    }

    fn read_manifest(&mut self, run: &Running, reply: &Reply, digest: &Digest) -> Result<(), String> {
        if reply.status != 200 || run.method == Method::HEAD {
            return Ok(());
        }
        let goods = self.oracle.goods.clone();
        let Some(image) = goods.image_of(&digest.to_string()) else {
            return Err(format!("shows {digest}, which nobody pushed"));
        };
        if reply.whole && Digest::of(Algorithm::Sha256, &reply.body) != *digest {
            return Err(format!("got bytes that are not {digest}"));
        }
        if !image.bytes.starts_with(&reply.body) || reply.field("content-type") != Some(image.media_type) {
            return Err(format!("got another manifest than {digest}, or as another type"));
        }
        Ok(())
    }

    fn read_tags(&mut self, repository: &str, reply: &Reply) -> Result<(), String> {
        if reply.status != 200 || !reply.whole {
            return Ok(());
        }
        let body: serde_json::Value =
            serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        let shown: Vec<&str> =
            body["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str()).collect();
        if !shown.is_sorted() || shown.iter().any(|tag| !TAGS.contains(tag)) {
            return Err(format!("lists {shown:?}"));
        }
        for tag in TAGS {
            let path = names::tag(repository, tag);
            let known = self
                .oracle
                .goods
                .images
                .iter()
                .any(|image| self.oracle.was_pushed(&path, Some(image.digest)));
            if shown.contains(&tag) && !known {
                return Err(format!("lists {tag}, which nobody pushed"));
            }
            if self.healed_at.is_some()
                && self.looking
                && !shown.contains(&tag)
                && self.oracle.must_be(&path, self.step)
            {
                return Err(format!("does not list {tag} long after its push"));
            }
        }
        Ok(())
    }

    fn read_referrers(&mut self, repository: &str, reply: &Reply) -> Result<(), String> {
        if reply.status != 200 || !reply.whole {
            return Ok(());
        }
        let body: serde_json::Value =
            serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        let shown: Vec<&str> = body["manifests"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| row["digest"].as_str())
            .collect();
        let goods = self.oracle.goods.clone();
        let subject = goods.images[0].digest;
        for image in &goods.images {
            let path = names::referrer(repository, &subject, &image.digest);
            let digest = image.digest.to_string();
            let listed = shown.contains(&digest.as_str());
            if listed && !self.oracle.was_pushed(&path, None) {
                return Err(format!("shows the referrer {digest}, which nobody pushed"));
            }
            if self.healed_at.is_some() && self.looking && !listed && self.oracle.must_be(&path, self.step) {
                return Err(format!("does not show the referrer {digest} long after its push"));
            }
        }
        match shown.iter().all(|digest| goods.image_of(digest).is_some()) {
            true => Ok(()),
            false => Err(format!("shows foreign referrers: {shown:?}")),
        }
    }
}

fn is_done(intent: &Intent, status: u16) -> bool {
    match intent {
        Intent::PushBlob { .. } | Intent::PushManifest { .. } => status == 201,
        Intent::DeleteBlob { .. } | Intent::DeleteTag { .. } => matches!(status, 202 | 404),
        Intent::DeleteManifest { .. } => status == 202,
        Intent::None
        | Intent::Intrude
        | Intent::ReadBlob { .. }
        | Intent::ReadManifest { .. }
        | Intent::ReadTag { .. }
        | Intent::ListTags { .. }
        | Intent::ListReferrers { .. } => false,
    }
}

fn kind_of(intent: &Intent) -> &'static str {
    match intent {
        Intent::None => "upload",
        Intent::Intrude => "intrusion",
        Intent::PushBlob { .. } => "push of a blob",
        Intent::DeleteBlob { .. } => "delete of a blob",
        Intent::ReadBlob { .. } => "read of a blob",
        Intent::PushManifest { .. } => "push of a manifest",
        Intent::DeleteManifest { .. } => "delete of a manifest",
        Intent::DeleteTag { .. } => "delete of a tag",
        Intent::ReadManifest { .. } => "read of a manifest",
        Intent::ReadTag { .. } => "read of a tag",
        Intent::ListTags { .. } => "list of tags",
        Intent::ListReferrers { .. } => "list of referrers",
    }
}

fn method_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "POST" => "POST",
        "PATCH" => "PATCH",
        _ => "DELETE",
    }
}

/// No exchange takes longer, in microseconds.
const EXCHANGE_TIME_MAX: u64 = 900_000_000;

/// No exchange makes more calls.
const CALLS_MAX: u64 = 600;
