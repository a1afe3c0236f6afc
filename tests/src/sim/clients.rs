//! What clients do: they push images as docker, skopeo, containerd and oras do, pull, list and delete, try again when they
//! are told to, and now and then do what nobody should.

mod manners;
mod pushing;

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::access::{READER, WRITER};
use super::body::Body;
use super::desk::{Desk, Reply, Request};
use super::names::{Goods, REPOSITORIES, TAGS, happens, pick};
use super::oracle::Intent;
use crate::random::Random;

/// One client.
struct Client {
    desk: Desk,
    random: Random,
    goods: Rc<Goods>,
    /// Whether the registry has users.
    is_locked: bool,
}

/// What a reply means for who asked politely.
enum Outcome {
    /// One of the expected statuses.
    Good(u16),
    /// Another try may help.
    Again,
}

/// All that a client does.
pub async fn life(desk: Desk, random: Random, goods: Rc<Goods>, is_locked: bool) {
    let mut client = Client { desk, random, goods, is_locked };
    // In some runs all push the same blob to begin with.
    if client.goods.blobs[3].bytes[0].is_multiple_of(3) {
        client.push_blob(0, 3).await;
    }
    // Some ask for what others are just about to push.
    if client.chance(400) {
        let repository = pick(&mut client.random, REPOSITORIES.len());
        for look in 0..4 * client.goods.blobs.len() {
            client.read_blob(repository, look % client.goods.blobs.len()).await;
        }
    }
    while !client.desk.healed() {
        client.job().await;
        let pause = match pick(&mut client.random, 6) {
            0 => 100_000_000 + pick(&mut client.random, 400_000_000) as u64,
            _ => pick(&mut client.random, 1_000_000) as u64,
        };
        client.desk.sleep(pause).await;
    }
    // All works again: what a client needs has to succeed.
    let repository = pick(&mut client.random, REPOSITORIES.len());
    let image = pick(&mut client.random, client.goods.images.len());
    let tag = pick(&mut client.random, TAGS.len());
    if client.push_image(repository, image, Some(tag)).await {
        client.pull(repository, tag).await;
        client.desk.finish();
    } else {
        client.desk.complain("an image cannot be pushed although all is healed".to_owned());
    }
}

impl Client {
    async fn job(&mut self) {
        let repository = pick(&mut self.random, REPOSITORIES.len());
        let image = pick(&mut self.random, self.goods.images.len());
        let tag = pick(&mut self.random, TAGS.len());
        match pick(&mut self.random, 21) {
            0..=6 => {
                let tag = (!self.chance(200)).then_some(tag);
                self.push_image(repository, image, tag).await;
            }
            7 | 8 => {
                let blob = pick(&mut self.random, self.goods.blobs.len());
                self.push_blob(repository, blob).await;
            }
            9..=12 => self.pull(repository, tag).await,
            13 => {
                if self.chance(500) {
                    self.lists(repository).await;
                } else {
                    let blob = pick(&mut self.random, self.goods.blobs.len());
                    self.read_blob(repository, blob).await;
                }
            }
            14 => self.delete_tag(repository, tag).await,
            15 => self.delete_manifest(repository, image).await,
            16 => self.delete_blob(repository).await,
            17 => self.send_wrong_digest(repository).await,
            18 => self.vanish(repository).await,
            19 => self.misuse_uploads(repository).await,
            _ => self.intrude(repository, image, tag).await,
        }
    }

    fn chance(&mut self, parts: u64) -> bool {
        happens(&mut self.random, parts)
    }

    async fn ask(
        &mut self,
        method: Method,
        target: &str,
        fields: &[(&'static str, String)],
        body: Body,
        intent: Intent,
    ) -> Reply {
        let field = |(name, value): &(&'static str, String)| {
            let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
            (HeaderName::from_static(name), value)
        };
        let mut fields: HeaderMap = fields.iter().map(field).collect();
        if self.is_locked && !fields.contains_key(header::AUTHORIZATION) {
            let reads = matches!(method, Method::GET | Method::HEAD) && !target.contains("/blobs/uploads/");
            let shown = if reads && self.chance(300) { READER } else { WRITER };
            fields.insert(header::AUTHORIZATION, HeaderValue::from_static(shown));
        }
        let leaves = self.chance(15).then(|| self.random.word() % 500_000);
        let leaves = leaves.filter(|_| !self.desk.healed());
        let request = Request { method, target: target.to_owned(), fields, body, intent, leaves };
        self.desk.ask(request).await
    }

    async fn get(&mut self, target: &str, intent: Intent) -> Reply {
        self.ask(Method::GET, target, &[], Body::default(), intent).await
    }

    /// What a reply is worth. Nobody who asks politely is refused but for a reason that may pass.
    fn weigh(&mut self, what: &str, reply: &Reply, expected: &[u16]) -> Outcome {
        match reply.status {
            status if reply.whole && expected.contains(&status) => Outcome::Good(status),
            0 | 429 | 503 | 507 => Outcome::Again,
            status if !reply.whole && expected.contains(&status) => Outcome::Again,
            status => {
                let text = String::from_utf8_lossy(&reply.body).into_owned();
                self.desk.complain(format!("{what} was answered {status}: {text}"));
                Outcome::Again
            }
        }
    }

    /// Rests before another try; tells whether there is to be one.
    async fn rest(&mut self, tries: &mut u32, reply: &Reply) -> bool {
        *tries += 1;
        let healed = self.desk.healed();
        if (!healed && *tries > 3) || *tries > 30 {
            if healed {
                self.desk.complain("30 tries came to nothing although all is healed".to_owned());
            }
            return false;
        }
        let told = reply.field("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
        let pause = told.map_or(500_000 << (*tries).min(4), |seconds| seconds * 1_000_000);
        let pause = pause + self.random.word() % 500_000;
        self.desk.sleep(pause).await;
        true
    }

    /// GET by tag, then by digest, then every blob.
    async fn pull(&mut self, repository: usize, tag: usize) {
        let name = REPOSITORIES[repository];
        let target = format!("/v2/{name}/manifests/{}", TAGS[tag]);
        let reply = self.get(&target, Intent::ReadTag { repository, tag }).await;
        let Outcome::Good(200) = self.weigh("GET of a tag", &reply, &[200, 404]) else { return };
        let digest = reply.field("docker-content-digest").unwrap_or_default().to_owned();
        let goods = self.goods.clone();
        let Some(image) = goods.images.iter().position(|image| image.digest.to_string() == digest) else {
            return;
        };
        let target = format!("/v2/{name}/manifests/{digest}");
        let method = if self.chance(300) { Method::HEAD } else { Method::GET };
        let intent = Intent::ReadManifest { repository, image };
        self.ask(method, &target, &[], Body::default(), intent).await;
        for blob in &goods.images[image].blobs {
            self.read_blob(repository, *blob).await;
        }
    }

    async fn read_blob(&mut self, repository: usize, blob: usize) {
        let (digest, length) = (self.goods.blobs[blob].digest, self.goods.blobs[blob].bytes.len());
        let target = format!("/v2/{}/blobs/{digest}", REPOSITORIES[repository]);
        let first = pick(&mut self.random, length);
        let last = first + pick(&mut self.random, length - first.min(length));
        let ranged = length > 0 && self.chance(300);
        let range = ranged.then_some((first, last + 1));
        let fields = range.map(|_| ("range", format!("bytes={first}-{last}")));
        let intent = Intent::ReadBlob { repository, digest, range };
        let reply = self.ask(Method::GET, &target, fields.as_slice(), Body::default(), intent).await;
        self.weigh("GET of a blob", &reply, &[200, 206, 404]);
    }

    async fn lists(&mut self, repository: usize) {
        let name = REPOSITORIES[repository];
        let subject = self.goods.images[0].digest;
        for (target, intent) in [
            (format!("/v2/{name}/tags/list"), Intent::ListTags { repository }),
            (format!("/v2/{name}/referrers/{subject}"), Intent::ListReferrers { repository }),
            ("/v2/_catalog".to_owned(), Intent::None),
        ] {
            let reply = self.get(&target, intent).await;
            self.weigh("a list", &reply, &[200, 404]);
        }
    }

    async fn delete(&mut self, target: &str, intent: Intent) {
        let mut tries = 0;
        loop {
            let reply = self.ask(Method::DELETE, target, &[], Body::default(), intent.clone()).await;
            match self.weigh("a DELETE", &reply, &[202, 404]) {
                Outcome::Good(_) => return,
                Outcome::Again => {
                    if !self.rest(&mut tries, &reply).await {
                        return;
                    }
                }
            }
        }
    }

    async fn delete_tag(&mut self, repository: usize, tag: usize) {
        let target = format!("/v2/{}/manifests/{}", REPOSITORIES[repository], TAGS[tag]);
        self.delete(&target, Intent::DeleteTag { repository, tag }).await;
    }

    async fn delete_manifest(&mut self, repository: usize, image: usize) {
        let target =
            format!("/v2/{}/manifests/{}", REPOSITORIES[repository], self.goods.images[image].digest);
        self.delete(&target, Intent::DeleteManifest { repository, image }).await;
    }

    async fn delete_blob(&mut self, repository: usize) {
        let blob = pick(&mut self.random, self.goods.blobs.len());
        let digest = self.goods.blobs[blob].digest;
        let target = format!("/v2/{}/blobs/{digest}", REPOSITORIES[repository]);
        self.delete(&target, Intent::DeleteBlob { repository, digest }).await;
    }

    fn bytes_of(&self, blob: usize) -> Bytes {
        self.goods.blobs[blob].bytes.clone()
    }
}
