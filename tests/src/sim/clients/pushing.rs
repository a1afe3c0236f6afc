use bytes::Bytes;
use http::Method;

use super::{Client, Outcome};
use crate::sim::body::Body;
use crate::sim::desk::Reply;
use crate::sim::names::{REPOSITORIES, TAGS, pick};
use crate::sim::oracle::Intent;

/// How an upload ended.
enum Uploaded {
    Yes,
    /// From the start again.
    Again,
    /// No more tries.
    No,
}

impl Client {
    /// Blobs and children first, then the manifest.
    pub(super) async fn push_image(&mut self, repository: usize, image: usize, tag: Option<usize>) -> bool {
        let goods = self.goods.clone();
        let mut tries = 0;
        loop {
            for blob in &goods.images[image].blobs {
                if !self.push_blob(repository, *blob).await {
                    return false;
                }
            }
            for child in &goods.images[image].children {
                if !Box::pin(self.push_image(repository, *child, None)).await {
                    return false;
                }
            }
            let reply = self.push_manifest(repository, image, tag).await;
            // What it needs may have been deleted by others meanwhile.
            if let Outcome::Good(201) = self.weigh("PUT of a manifest", &reply, &[201, 404, 400]) {
                return true;
            }
            if !self.rest(&mut tries, &reply).await {
                return false;
            }
        }
    }

    async fn push_manifest(&mut self, repository: usize, image: usize, tag: Option<usize>) -> Reply {
        let manifest = self.goods.images[image].clone();
        let reference = tag.map_or_else(|| manifest.digest.to_string(), |tag| TAGS[tag].to_owned());
        let target = format!("/v2/{}/manifests/{reference}", REPOSITORIES[repository]);
        let fields = [("content-type", manifest.media_type.to_owned())];
        let known = !self.chance(300);
        let body = Body::whole(manifest.bytes, known);
        let intent = Intent::PushManifest { repository, image, tag };
        self.ask(Method::PUT, &target, &fields, body, intent).await
    }

    /// Whether the blob was found or pushed.
    pub(super) async fn push_blob(&mut self, repository: usize, blob: usize) -> bool {
        let digest = self.goods.blobs[blob].digest;
        let name = REPOSITORIES[repository];
        let mut tries = 0;
        loop {
            if self.chance(700) {
                let intent = Intent::ReadBlob { repository, digest, range: None };
                let reply = self
                    .ask(Method::HEAD, &format!("/v2/{name}/blobs/{digest}"), &[], Body::default(), intent)
                    .await;
                if let Outcome::Good(200) = self.weigh("HEAD of a blob", &reply, &[200, 404]) {
                    return true;
                }
            }
            let bytes = self.bytes_of(blob);
            let intent = Intent::PushBlob { repository, digest };
            let reply = match pick(&mut self.random, 5) {
                0 if !bytes.is_empty() => {
                    let target = format!("/v2/{name}/blobs/uploads/?digest={digest}");
                    let known = self.chance(700);
                    self.ask(Method::POST, &target, &[], Body::whole(bytes.clone(), known), intent).await
                }
                1 => {
                    let from = REPOSITORIES[1 - repository];
                    let target = format!("/v2/{name}/blobs/uploads/?mount={digest}&from={from}");
                    self.ask(Method::POST, &target, &[], Body::default(), intent).await
                }
                _ => {
                    let target = format!("/v2/{name}/blobs/uploads/");
                    self.ask(Method::POST, &target, &[], Body::default(), Intent::None).await
                }
            };
            match self.weigh("POST of an upload", &reply, &[201, 202, 400]) {
                Outcome::Good(201) => return true,
                Outcome::Good(202) => {
                    let location = reply.field("location").unwrap_or_default().to_owned();
                    match self.upload(repository, blob, location, tries).await {
                        Uploaded::Yes => return true,
                        Uploaded::Again => {}
                        Uploaded::No => return false,
                    }
                }
                Outcome::Good(_) | Outcome::Again => {}
            }
            if !self.rest(&mut tries, &reply).await {
                return false;
            }
        }
    }

    /// Chunks, then the end.
    async fn upload(
        &mut self,
        repository: usize,
        blob: usize,
        mut location: String,
        earlier: u32,
    ) -> Uploaded {
        let bytes = self.bytes_of(blob);
        let digest = self.goods.blobs[blob].digest;
        let chunk = match pick(&mut self.random, 6) {
            0 if bytes.len() <= 20 => 1 + pick(&mut self.random, 2),
            1 | 2 => 4 + pick(&mut self.random, 2),
            3 => 12,
            _ => bytes.len().max(1),
        };
        let chunk = if earlier > 2 { bytes.len().max(1) } else { chunk };
        let rest_in_put = self.chance(400);
        let (mut offset, mut tries) = (0, 0);
        while offset < bytes.len() && !(rest_in_put && bytes.len() - offset <= chunk) {
            let end = bytes.len().min(offset + chunk);
            let reply = self.patch(&location, offset, bytes.slice(offset..end)).await;
            match self.weigh("PATCH", &reply, &[202, 400]) {
                Outcome::Good(202) => {
                    let acknowledged = acknowledged(&reply);
                    if acknowledged != Some(end) {
                        self.desk.complain(format!(
                            "{end} bytes are there, and {acknowledged:?} are acknowledged"
                        ));
                    }
                    offset = end;
                    location = reply.field("location").unwrap_or_default().to_owned();
                    self.look_back(&location, offset).await;
                }
                // Too many segments, when many chunks were stored in parts.
                Outcome::Good(_) => return Uploaded::Again,
                Outcome::Again => {
                    if let (Some(at), Some(next)) = (acknowledged(&reply), reply.field("location")) {
                        location = next.to_owned();
                        offset = at;
                    }
                    if !self.rest(&mut tries, &reply).await {
                        return Uploaded::No;
                    }
                }
            }
        }
        self.finish(repository, digest, &location, bytes.slice(offset..)).await
    }

    async fn finish(
        &mut self,
        repository: usize,
        digest: wharfinger_core::oci::Digest,
        location: &str,
        rest: Bytes,
    ) -> Uploaded {
        let mut tries = 0;
        loop {
            let target = format!("{location}&digest={digest}");
            let known = self.chance(700);
            let intent = Intent::PushBlob { repository, digest };
            let reply = self.ask(Method::PUT, &target, &[], Body::whole(rest.clone(), known), intent).await;
            match self.weigh("PUT of an upload", &reply, &[201, 400]) {
                Outcome::Good(201) => return Uploaded::Yes,
                Outcome::Good(_) => return Uploaded::Again,
                Outcome::Again if tries > 2 => return Uploaded::Again,
                Outcome::Again => {
                    if !self.rest(&mut tries, &reply).await {
                        return Uploaded::No;
                    }
                }
            }
        }
    }

    async fn patch(&mut self, location: &str, offset: usize, bytes: Bytes) -> Reply {
        let known = self.chance(500);
        let end = offset + bytes.len();
        let mut body = Body::whole(bytes.clone(), known);
        if self.chance(100) && bytes.len() > 2 {
            body = body.stalling(1 + pick(&mut self.random, bytes.len() - 1));
        }
        let range = self.chance(400).then(|| ("content-range", format!("{offset}-{}", end - 1)));
        self.ask(Method::PATCH, location, range.as_slice(), body, Intent::None).await
    }

    /// Asks now and then how far an upload is.
    async fn look_back(&mut self, location: &str, offset: usize) {
        if !self.chance(50) {
            return;
        }
        let reply = self.get(location, Intent::None).await;
        if let Outcome::Good(_) = self.weigh("GET of an upload", &reply, &[204])
            && acknowledged(&reply) != Some(offset)
        {
            self.desk.complain(format!("an upload of {offset} bytes tells {:?}", acknowledged(&reply)));
        }
    }
}

/// How many bytes a Range acknowledges.
pub(super) fn acknowledged(reply: &Reply) -> Option<usize> {
    let last = reply.field("range")?.strip_prefix("0-")?;
    last.parse::<usize>().ok().map(|last| last + 1)
}
