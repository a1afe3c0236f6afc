//! The directory of a running registry goes away, comes back, or cannot be used any more: clients hear of it, never of content
//! that is missing or stored when that is not so.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Response;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{Repository, refused};
use wharfinger_tests::server::{Folder, Options, Server};

/// A folder with the directory of a registry in it.
struct Room(Folder);

impl Room {
    fn new(purpose: &str) -> Self {
        Self(Folder::new(purpose).expect("the temporary directory is writable"))
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn aside(&self) -> PathBuf {
        self.0.path().join("aside")
    }

    fn start(&self, under: &[&str]) -> (Server, Client) {
        let under = under.iter().map(|word| (*word).to_owned()).collect();
        let options = Options { data: Some(self.data()), under, ..Options::default() };
        let registry = Server::start(options).expect("the registry starts");
        let client = Client { app: Repository::new(registry.address(), "crash/app") };
        (registry, client)
    }
}

/// One repository with an image, whose content anybody can make.
struct Client {
    app: Repository,
}

/// A blob of that number.
fn blob(number: u64) -> Vec<u8> {
    Random::new(900 + number).bytes(3000)
}

fn manifest(number: u64) -> Vec<u8> {
    let about =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()});
    let (config, layers) = (about(CONFIG, b"{}"), [about("application/octet-stream", &blob(0))]);
    let note = json!({"number": number.to_string()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, "annotations": note});
    manifest.to_string().into_bytes()
}

impl Client {
    fn push_image(&self) -> io::Result<()> {
        self.app.push_whole(b"{}")?.expect(201)?;
        self.app.push_whole(&blob(0))?.expect(201)?;
        self.app.push_manifest("t0", MANIFEST, &manifest(0))?.expect(201).map(drop)
    }

    /// The image is there, and more can be pushed.
    fn check(&self, number: u64) -> io::Result<()> {
        assert_eq!(self.app.read(&sha256(&blob(0)))?, Some(blob(0)));
        assert_eq!(self.app.read_manifest("t0")?, Some(manifest(0)));
        self.app.push_whole(&blob(number))?.expect(201)?;
        self.app.push_pieces(&blob(number + 1), 1000)?.expect(201)?;
        self.app.push_manifest(&format!("t{number}"), MANIFEST, &manifest(number))?.expect(201)?;
        assert_eq!(self.app.read(&sha256(&blob(number)))?, Some(blob(number)));
        assert_eq!(self.app.read_manifest(&format!("t{number}"))?, Some(manifest(number)));
        Ok(())
    }

    /// What was acknowledged of a push of [`Client::all`] is there.
    fn has_if_stored(&self, request: &str, response: &Response, number: u64) -> io::Result<()> {
        if response.status() == 201 {
            match request {
                "PUT of a blob" => assert_eq!(self.app.read(&sha256(&blob(number)))?, Some(blob(number))),
                "PATCH" => assert_eq!(self.app.read(&sha256(&blob(number + 1)))?, Some(blob(number + 1))),
                _ => assert_eq!(self.app.read_manifest(&format!("t{number}"))?, Some(manifest(number))),
            }
        }
        Ok(())
    }

    /// All kinds of requests, with what they are answered: the reads first, then those that would store something new.
    fn all(&self, number: u64) -> io::Result<Vec<(String, Response)>> {
        let (blob_digest, manifest_digest) = (sha256(&blob(0)), sha256(&manifest(0)));
        let mut answers = Vec::new();
        for rest in [
            format!("blobs/{blob_digest}"),
            "manifests/t0".to_owned(),
            format!("manifests/{manifest_digest}"),
            "tags/list".to_owned(),
            format!("referrers/{}", sha256(&manifest(0))),
        ] {
            answers.push((format!("GET {rest}"), self.app.ask("GET", &rest)?));
        }
        answers.push(("catalog".to_owned(), self.app.connect()?.request("GET", "/v2/_catalog", &[], b"")?));
        answers.push(("PUT of a blob".to_owned(), self.app.push_whole(&blob(number))?));
        answers.push(("PATCH".to_owned(), self.app.push_pieces(&blob(number + 1), 1000)?));
        let pushed = self.app.push_manifest(&format!("t{number}"), MANIFEST, &manifest(number))?;
        answers.push(("PUT of a manifest".to_owned(), pushed));
        let deleted = self.app.ask("DELETE", &format!("blobs/{}", sha256(b"not there")))?;
        answers.push(("DELETE".to_owned(), deleted));
        Ok(answers)
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "`cp` must be installed");
}

#[test]
fn a_removed_directory_is_told_and_its_copy_is_good_after_a_restart() -> io::Result<()> {
    let room = Room::new("removed");
    let (registry, client) = room.start(&[]);
    client.push_image()?;
    copy(&room.data(), &room.aside());

    fs::remove_dir_all(room.data())?;
    for restored in [false, true] {
        for (request, response) in client.all(10)? {
            let status = response.status();
            refused(response, 503)
                .map_err(|error| io::Error::other(format!("{request}: {status}: {error}")))?;
        }
        if !restored {
            copy(&room.aside(), &room.data());
        }
    }
    let log = registry.log();
    let line = log.lines().find(|line| line.contains("was removed")).unwrap_or_default();
    assert!(line.contains("the storage directory") && line.contains("restart"), "{log}");
    drop(registry);

    let (_registry, client) = room.start(&[]);
    client.check(20)
}

#[test]
fn a_directory_that_is_moved_stays_in_use_and_loses_nothing() -> io::Result<()> {
    let room = Room::new("moved");
    let (registry, client) = room.start(&[]);
    client.push_image()?;
    fs::rename(room.data(), room.aside())?;
    client.check(10)?;
    assert!(!room.data().exists(), "a second directory was made");
    fs::rename(room.aside(), room.data())?;
    client.check(20)?;
    drop(registry);

    let (_registry, client) = room.start(&[]);
    for number in [10, 11, 20, 21] {
        assert_eq!(client.app.read(&sha256(&blob(number)))?, Some(blob(number)));
    }
    client.check(30)
}

#[test]
fn folders_that_are_removed_while_running_are_made_again() -> io::Result<()> {
    let room = Room::new("folders");
    let (_registry, client) = room.start(&[]);
    client.push_image()?;
    for (number, folder) in (1..).zip(["tmp", "blobs", "links", "manifests", "tags"]) {
        fs::remove_dir_all(room.data().join(folder))?;
        client.push_image()?;
        client.check(number * 10)?;
    }
    Ok(())
}

/// Without its capabilities, root too is bound by the rights of files.
const BOUND: [&str; 4] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"];

#[test]
fn a_folder_that_may_not_be_used_is_told_and_good_again_with_its_rights() -> io::Result<()> {
    let room = Room::new("rights");
    let (registry, client) = room.start(&BOUND);
    client.push_image()?;
    let mut refusals = 0;
    for (number, folder) in (1..).zip([".", "tmp", "blobs", "links", "manifests", "tags"]) {
        for (times, mode) in [(0, 0o000), (1, 0o500)] {
            let path = room.data().join(folder);
            let before = fs::metadata(&path)?.permissions();
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            let answers = client.all(number * 100 + times * 10);
            fs::set_permissions(&path, before)?;
            for (request, response) in answers? {
                let at = number * 100 + times * 10;
                client.has_if_stored(&request, &response, at)?;
                let status = response.status();
                let absent = request == "DELETE" && status == 404;
                if !(200..300).contains(&status) && !absent {
                    refusals += 1;
                    refused(response, 503).map_err(|error| {
                        io::Error::other(format!("{folder}: {request}: {status}: {error}"))
                    })?;
                }
            }
            client.check(number * 100 + times * 10 + 5)?;
        }
    }
    println!("{refusals} refusals");
    assert!(refusals > 20, "only {refusals} requests met a folder without rights");
    assert!(registry.log().contains("Permission denied"), "{}", registry.log());
    Ok(())
}
