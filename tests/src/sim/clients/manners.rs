//! What nobody should do.

use bytes::Bytes;
use http::Method;
use wharfinger_core::oci::{Algorithm, Digest};

use super::{Client, Outcome};
use crate::sim::access::{FORGER, READER, STRANGER};
use crate::sim::body::Body;
use crate::sim::names::{REPOSITORIES, TAGS, pick};
use crate::sim::oracle::Intent;

impl Client {
    async fn begin_upload(&mut self, repository: usize) -> Option<String> {
        let target = format!("/v2/{}/blobs/uploads/", REPOSITORIES[repository]);
        let reply = self.ask(Method::POST, &target, &[], Body::default(), Intent::None).await;
        match self.weigh("POST of an upload", &reply, &[202]) {
            Outcome::Good(_) => reply.field("location").map(str::to_owned),
            Outcome::Again => None,
        }
    }

    /// Content that is not what its digest says.
    pub(super) async fn send_wrong_digest(&mut self, repository: usize) {
        let blob = pick(&mut self.random, self.goods.blobs.len());
        let digest = self.goods.blobs[blob].digest;
        let mut bytes = self.bytes_of(blob).to_vec();
        bytes.push(7);
        let Some(location) = self.begin_upload(repository).await else { return };
        let known = self.chance(500);
        let body = Body::whole(bytes.into(), known);
        let reply =
            self.ask(Method::PUT, &format!("{location}&digest={digest}"), &[], body, Intent::None).await;
        self.weigh("PUT with a wrong digest", &reply, &[400]);
    }

    /// A body that does not come to its end.
    pub(super) async fn vanish(&mut self, repository: usize) {
        let blob = pick(&mut self.random, self.goods.blobs.len());
        let bytes = self.bytes_of(blob);
        let digest = self.goods.blobs[blob].digest;
        let Some(location) = self.begin_upload(repository).await else { return };
        let at = pick(&mut self.random, bytes.len());
        if bytes.is_empty() {
            return;
        }
        let (known, late) = (self.chance(500), self.chance(300));
        let body = Body::whole(bytes.clone(), known).breaking(at, late);
        if self.chance(500) {
            let reply = self.ask(Method::PATCH, &location, &[], body, Intent::None).await;
            if reply.status == 202 {
                self.desk.complain(format!("a chunk that broke off after {at} bytes was accepted"));
            }
        } else {
            let target = format!("{location}&digest={digest}");
            let intent = Intent::PushBlob { repository, digest };
            self.ask(Method::PUT, &target, &[], body, intent).await;
        }
    }

    /// What somebody asks for who may not.
    pub(super) async fn intrude(&mut self, repository: usize, image: usize, tag: usize) {
        if !self.is_locked {
            return;
        }
        let (shown, expected) = [(READER, 403), (FORGER, 401), (STRANGER, 401)][pick(&mut self.random, 3)];
        let name = REPOSITORIES[repository];
        let digest = self.goods.images[image].digest;
        let tagged = format!("/v2/{name}/manifests/{}", TAGS[tag]);
        let (method, target) = match pick(&mut self.random, 6) {
            0 => (Method::DELETE, format!("/v2/{name}/manifests/{digest}")),
            1 => (Method::DELETE, tagged),
            2 => (Method::DELETE, format!("/v2/{name}/blobs/{}", self.goods.blobs[0].digest)),
            3 => (Method::PUT, tagged),
            4 if shown != READER => (Method::GET, tagged),
            _ => (Method::POST, format!("/v2/{name}/blobs/uploads/")),
        };
        let body = if method == Method::PUT {
            Body::whole(Bytes::from_static(b"{}"), true)
        } else {
            Body::default()
        };
        let fields = [("authorization", shown.to_owned())];
        let reply = self.ask(method, &target, &fields, body, Intent::Intrude).await;
        self.weigh("what somebody may not do", &reply, &[expected]);
    }

    /// Old and foreign URLs, gaps, an upload that is given up, and a digest of content that was never sent.
    pub(super) async fn misuse_uploads(&mut self, repository: usize) {
        let Some(location) = self.begin_upload(repository).await else { return };
        let bytes = Bytes::from(self.random.bytes(9));
        let (first, second) = (bytes.slice(..4), bytes.slice(4..));
        let chunk = |bytes: &Bytes| Body::whole(bytes.clone(), true);
        let reply = self.ask(Method::PATCH, &location, &[], chunk(&first), Intent::None).await;
        let Outcome::Good(_) = self.weigh("PATCH", &reply, &[202]) else { return };
        let next = reply.field("location").unwrap_or_default().to_owned();
        match pick(&mut self.random, 5) {
            0 => {
                let gap = [("content-range", "6-10".to_owned())];
                let reply = self.ask(Method::PATCH, &next, &gap, chunk(&second), Intent::None).await;
                self.weigh("PATCH with a gap", &reply, &[416]);
            }
            1 => {
                let foreign = next.replacen(REPOSITORIES[repository], REPOSITORIES[1 - repository], 1);
                let reply = self.ask(Method::PATCH, &foreign, &[], chunk(&second), Intent::None).await;
                self.weigh("PATCH in another repository", &reply, &[404]);
            }
            2 => {
                // The chunk once more to the older URL: another history, as good as the first.
                let reply = self.ask(Method::PATCH, &location, &[], chunk(&bytes), Intent::None).await;
                let Outcome::Good(_) = self.weigh("PATCH to an older URL", &reply, &[202]) else { return };
                let other = Digest::of(Algorithm::Sha256, &second);
                let target = format!("{}&digest={other}", reply.field("location").unwrap_or_default());
                let reply = self.ask(Method::PUT, &target, &[], Body::default(), Intent::None).await;
                self.weigh("PUT with the digest of something else", &reply, &[400]);
            }
            3 => {
                let reply = self.ask(Method::DELETE, &next, &[], Body::default(), Intent::None).await;
                self.weigh("DELETE of an upload", &reply, &[204]);
            }
            _ => {
                let mut broken = next.clone();
                broken.truncate(broken.len() - 2);
                let reply = self.ask(Method::PATCH, &broken, &[], chunk(&second), Intent::None).await;
                self.weigh("PATCH with half a token", &reply, &[404]);
            }
        }
    }
}
