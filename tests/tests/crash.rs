//! What a registry leaves behind that is killed, told to stop, or out of disk: nothing by halves, ever.

use serde_json::json;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use wharfinger_tests::contents::Contents;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::disk::SmallDisk;
use wharfinger_tests::http::Connection;
use wharfinger_tests::image::{CONFIG, Image, Layout, MANIFEST};
use wharfinger_tests::process::{Ending, ending, terminate};
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location, refused};
use wharfinger_tests::server::{Folder, Options, Server};
use wharfinger_tests::tools::Tools;

const MIB: usize = 1024 * 1024;
/// How long a registry that was told to stop may take, beyond what its clients need.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How soon a registry that was told to stop twice is gone.
const STOP_AT_ONCE_MAX: Duration = Duration::from_secs(2);

fn room(purpose: &str) -> Folder {
    Folder::new(purpose).expect("the temporary directory is writable")
}

fn folder(room: &Folder, name: &str) -> PathBuf {
    let path = room.path().join(name);
    fs::create_dir_all(&path).expect("the temporary directory is writable");
    path
}

fn start(data: &Path) -> Server {
    Server::start(Options { data: Some(data.to_owned()), ..Options::default() }).expect("the registry starts")
}

/// Ends a registry in the midst of its work.
fn kill(mut registry: Server) -> io::Result<()> {
    assert_eq!(ending(registry.pid(), Duration::ZERO)?, None, "it ended by itself: {}", registry.log());
    registry.kill();
    Ok(())
}

fn pushed(registry: &Server) -> Repository {
    Repository::new(registry.address(), "crash/app")
}

/// Sends `head` and the first `sent` bytes of `body` on a connection that is then left as it is.
fn half(
    repository: &Repository,
    method: &str,
    target: &str,
    body: &[u8],
    sent: usize,
) -> io::Result<Connection> {
    let mut connection = repository.connect()?;
    let length = body.len().to_string();
    connection.send_head(method, target, &[OCTETS, ("Content-Length", &length)])?;
    connection.send(&body[..sent])?;
    Ok(connection)
}

#[test]
fn a_blob_whose_push_is_killed_is_absent_or_whole_and_can_be_pushed_again() -> io::Result<()> {
    let room = room("killed-blob");
    let data = folder(&room, "data");
    let length = 8 * MIB;
    let mut seed = 100;
    for method in ["PUT", "PATCH"] {
        for sent in [0, 1, length / 4, length / 2, length - 1, length] {
            seed += 1;
            let body = Random::new(seed).bytes(length);
            let digest = sha256(&body);
            let registry = start(&data);
            let repository = pushed(&registry);
            let begun = repository.begin(&mut repository.connect()?)?;
            let target = if method == "PUT" { finishing(&begun, &digest) } else { begun };
            let _open = half(&repository, method, &target, &body, sent)?;
            kill(registry)?;

            let registry = start(&data);
            let repository = pushed(&registry);
            let whole = repository.read(&digest)?.is_some();
            assert!(!whole || (method == "PUT" && sent == length), "{method} of {sent} bytes made a blob");
            assert_eq!(repository.stat(&digest)?, whole.then_some(length as u64));
            repository.push_whole(&body)?.expect(201)?;
            assert_eq!(repository.read(&digest)?.as_deref(), Some(&body[..]));
        }
    }
    Ok(())
}

#[test]
fn an_upload_goes_on_after_a_kill_where_it_was_acknowledged() -> io::Result<()> {
    let room = room("resumed");
    let data = folder(&room, "data");
    let body = Random::new(200).bytes(5 * MIB);
    let (first, second) = body.split_at(3 * MIB);
    let registry = start(&data);
    let repository = pushed(&registry);
    let mut connection = repository.connect()?;
    let begun = repository.begin(&mut connection)?;
    let at = location(&connection.request("PATCH", &begun, &[OCTETS], first)?.expect(202)?)?;
    let _lost = half(&repository, "PATCH", &at, second, second.len() / 2)?;
    kill(registry)?;

    let registry = start(&data);
    let repository = pushed(&registry);
    let mut connection = repository.connect()?;
    let status = connection.request("GET", &at, &[], b"")?.expect(204)?;
    assert_eq!(status.head.field("range"), Some(format!("0-{}", first.len() - 1).as_str()));
    let at = location(&connection.request("PATCH", &at, &[OCTETS], second)?.expect(202)?)?;
    connection.request("PUT", &finishing(&at, &sha256(&body)), &[], b"")?.expect(201)?;
    assert_eq!(repository.read(&sha256(&body))?.as_deref(), Some(&body[..]));
    Ok(())
}

#[test]
fn an_image_whose_push_is_killed_is_absent_or_whole_and_can_be_pushed_again() -> io::Result<()> {
    let room = room("killed-image");
    let tools = Tools::new(&folder(&room, "home"));
    let layout = room.path().join("image");
    let layers = [6 * MIB, 3 * MIB, 0, 9 * MIB, 5 * MIB, MIB];
    let digest = Layout::create(&layout).add("t", &Image::new(300, &layers));
    let expected = Contents::of_layout(&layout);
    let total: u64 = expected.blobs.values().sum();
    let from = format!("oci:{}:t", layout.display());
    let push = |address: SocketAddr| {
        let to = format!("docker://{address}/crash/app:t");
        tools.try_skopeo(&["copy", "--quiet", "--dest-tls-verify=false", "--preserve-digests", &from, &to])
    };
    for twelfths in 0..=12 {
        let data = folder(&room, &format!("data-{twelfths}"));
        let registry = start(&data);
        let address = registry.address();
        let pushing = thread::scope(|scope| {
            let pushing = scope.spawn(|| push(address));
            while bytes_under(&data) < total * twelfths / 12 && !pushing.is_finished() {
                thread::yield_now();
            }
            kill(registry)?;
            Ok::<_, io::Error>(pushing.join().expect("skopeo is installed"))
        })?;

        let registry = start(&data);
        let repository = pushed(&registry);
        let complete = nothing_half(&repository, &digest, &expected)?;
        assert!(complete || !pushing.status.success(), "an acknowledged image is gone");
        let again = push(registry.address());
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        assert!(nothing_half(&repository, &digest, &expected)?, "the second push did not bring all");
    }
    Ok(())
}

/// Fails if a blob or manifest is there by halves, or a manifest without its blobs; answers whether all is there.
fn nothing_half(repository: &Repository, manifest: &str, expected: &Contents) -> io::Result<bool> {
    let mut blobs_missing = 0;
    for (digest, size) in expected.blobs.iter().filter(|(digest, _)| *digest != manifest) {
        let found = repository.read(digest)?.map(|bytes| bytes.len() as u64);
        assert!(found.is_none_or(|found| found == *size));
        assert_eq!(repository.stat(digest)?, found);
        blobs_missing += u32::from(found.is_none());
    }
    let by_tag = repository.read_manifest("t")?.map(|bytes| sha256(&bytes));
    let by_digest = repository.read_manifest(manifest)?.map(|bytes| sha256(&bytes));
    for found in [&by_tag, &by_digest].into_iter().flatten() {
        assert_eq!((found.as_str(), blobs_missing), (manifest, 0));
    }
    Ok(by_tag.is_some() && by_digest.is_some())
}

/// The sizes of all files under `path`; what vanishes meanwhile counts as nothing.
fn bytes_under(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_under(&entry.path()),
        Ok(_) | Err(_) => entry.metadata().map_or(0, |facts| facts.len()),
    });
    sizes.sum()
}

/// A PUT that the registry has begun to read: the connection, and the part that it still waits for.
fn slow_upload<'a>(repository: &Repository, body: &'a [u8]) -> io::Result<(Connection, &'a [u8])> {
    let mut connection = repository.connect()?;
    let target = finishing(&repository.begin(&mut connection)?, &sha256(body));
    let length = body.len().to_string();
    let fields = [OCTETS, ("Content-Length", length.as_str()), ("Expect", "100-continue")];
    connection.send_head("PUT", &target, &fields)?;
    assert_eq!(connection.read_head()?.status, 100, "the registry asks for the body");
    let (first, rest) = body.split_at(body.len() / 2);
    connection.send(first)?;
    Ok((connection, rest))
}

/// Waits until nobody accepts connections at `address`.
fn await_refusal(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(start.elapsed() < STOP_MAX, "new connections are still accepted");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_registry_told_to_stop_finishes_its_uploads_and_takes_no_others() -> io::Result<()> {
    let room = room("drained");
    let data = folder(&room, "data");
    let registry = start(&data);
    let body = Random::new(400).bytes(4 * MIB);
    let (mut slow, rest) = slow_upload(&pushed(&registry), &body)?;
    terminate(registry.pid())?;
    await_refusal(registry.address());
    slow.send(rest)?;
    slow.read_response("PUT")?.expect(201)?;
    assert_eq!(ending(registry.pid(), STOP_MAX)?, Some(Ending::Exited(0)), "{}", registry.log());

    let registry = start(&data);
    assert_eq!(pushed(&registry).read(&sha256(&body))?.as_deref(), Some(&body[..]));
    Ok(())
}

#[test]
fn a_registry_told_to_stop_waits_no_longer_than_it_is_set_to() -> io::Result<()> {
    let room = room("drain-limit");
    let data = folder(&room, "data");
    let config = Some("registry:\n  limits:\n    drain-seconds: 1\n".to_owned());
    let options = Options { data: Some(data.clone()), config, ..Options::default() };
    let registry = Server::start(options).expect("the registry starts");
    let body = Random::new(420).bytes(4 * MIB);
    let (mut slow, rest) = slow_upload(&pushed(&registry), &body)?;
    terminate(registry.pid())?;
    assert!(
        ending(registry.pid(), STOP_MAX)?.is_some(),
        "a silent client keeps the registry: {}",
        registry.log()
    );
    let answer = slow.send(rest).and_then(|()| slow.read_response("PUT"));
    assert!(answer.is_err(), "an upload was answered that was cut: {answer:?}");

    assert_eq!(pushed(&start(&data)).stat(&sha256(&body))?, None);
    Ok(())
}

#[test]
fn a_registry_told_to_stop_does_not_wait_for_idle_connections() -> io::Result<()> {
    let room = room("idle");
    let registry = start(&folder(&room, "data"));
    let mut idle = Connection::open(registry.address())?;
    idle.request("GET", "/v2/", &[], b"")?.expect(200)?;
    terminate(registry.pid())?;
    assert_eq!(ending(registry.pid(), STOP_MAX)?, Some(Ending::Exited(0)), "{}", registry.log());
    Ok(())
}

#[test]
fn a_registry_told_to_stop_twice_is_gone_at_once() -> io::Result<()> {
    let room = room("stopped-twice");
    let data = folder(&room, "data");
    let registry = start(&data);
    let body = Random::new(410).bytes(4 * MIB);
    let (_slow, _) = slow_upload(&pushed(&registry), &body)?;
    terminate(registry.pid())?;
    await_refusal(registry.address());
    assert_eq!(ending(registry.pid(), Duration::ZERO)?, None, "the upload is still running");
    terminate(registry.pid())?;
    assert!(ending(registry.pid(), STOP_AT_ONCE_MAX)?.is_some(), "a second signal ends it");

    let registry = start(&data);
    assert_eq!(pushed(&registry).stat(&sha256(&body))?, None);
    Ok(())
}

/// Pushes the smallest image that a registry accepts under `tag`; answers the response to the manifest.
fn push_small_image(repository: &Repository, tag: &str) -> io::Result<wharfinger_tests::http::Response> {
    let config = b"{}";
    let about = json!({"mediaType": CONFIG, "digest": sha256(config), "size": config.len()});
    let note = json!({"tag": tag});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": about, "layers": [], "annotations": note});
    repository.push_manifest(tag, MANIFEST, manifest.to_string().as_bytes())
}

#[test]
fn a_read_only_disk_refuses_pushes_and_serves_pulls() -> io::Result<()> {
    let room = room("read-only");
    let data = folder(&room, "data");
    let disk = SmallDisk::mount(&data, 64);
    let registry = start(&data);
    let repository = pushed(&registry);
    let (old, new) = (Random::new(500).bytes(3 * MIB), Random::new(501).bytes(3 * MIB));
    repository.push_whole(&old)?.expect(201)?;
    repository.push_whole(b"{}")?.expect(201)?;

    disk.forbid_writing();
    refused(repository.push_whole(&new)?, 503)?;
    refused(repository.push_whole(&new[..1000])?, 503)?;
    refused(repository.push_pieces(&new, MIB)?, 503)?;
    refused(push_small_image(&repository, "t")?, 503)?;
    assert_eq!(repository.stat(&sha256(&new))?, None);
    assert_eq!(repository.read_manifest("t")?, None);
    assert_eq!(repository.read(&sha256(&old))?.as_deref(), Some(&old[..]));

    disk.permit_writing();
    repository.push_pieces(&new, MIB)?.expect(201)?;
    push_small_image(&repository, "t")?.expect(201)?;
    assert_eq!(repository.read(&sha256(&new))?.as_deref(), Some(&new[..]));
    Ok(())
}

#[test]
fn a_full_disk_refuses_pushes_keeps_no_half_and_heals_with_room() -> io::Result<()> {
    let room = room("full");
    let data = folder(&room, "data");
    let disk = SmallDisk::mount(&data, 8);
    let registry = start(&data);
    let repository = pushed(&registry);
    let (old, big) = (Random::new(600).bytes(3 * MIB), Random::new(601).bytes(12 * MIB));
    repository.push_whole(&old)?.expect(201)?;
    repository.push_whole(b"{}")?.expect(201)?;
    let before = disk.used_bytes();

    refused(repository.push_whole(&big)?, 507)?;
    refused(repository.push_pieces(&big, big.len())?, 507)?;
    assert_eq!(repository.stat(&sha256(&big))?, None);
    assert_eq!(repository.read(&sha256(&old))?.as_deref(), Some(&old[..]));
    let left = disk.used_bytes().saturating_sub(before);
    assert!(left < 256 * 1024, "{left} bytes of refused uploads were left behind");

    fill(&room.path().join("data/filler"));
    refused(repository.push_whole(&big[..100_000])?, 507)?;
    refused(push_small_image(&repository, "t")?, 507)?;
    assert_eq!(repository.read_manifest("t")?, None);
    assert_eq!(repository.stat(&sha256(&big[..100_000]))?, None);
    fs::remove_file(room.path().join("data/filler"))?;

    disk.resize(64);
    push_small_image(&repository, "t")?.expect(201)?;
    for response in [repository.push_whole(&big)?, repository.push_pieces(&big, 5 * MIB)?] {
        response.expect(201)?;
        assert_eq!(repository.read(&sha256(&big))?.as_deref(), Some(&big[..]));
    }
    Ok(())
}

/// Writes zeros to a file until nothing more fits.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("there is room for a name");
    let mut piece = vec![0; MIB];
    while !piece.is_empty() {
        match io::Write::write(&mut file, &piece) {
            Ok(_) => {}
            Err(_) => piece.truncate(piece.len() / 2),
        }
    }
}

#[test]
fn two_registries_on_one_directory_are_one_registry() -> io::Result<()> {
    let room = room("two");
    let data = folder(&room, "data");
    let registries = [start(&data), start(&data)];
    let [one, other] = [pushed(&registries[0]), pushed(&registries[1])];
    let body = Random::new(700).bytes(3 * MIB);
    one.push_whole(&body)?.expect(201)?;
    assert_eq!(other.read(&sha256(&body))?.as_deref(), Some(&body[..]));
    other.push_whole(b"{}")?.expect(201)?;
    push_small_image(&one, "t")?.expect(201)?;
    assert!(other.read_manifest("t")?.is_some());

    let half = Random::new(701).bytes(2 * MIB);
    let mut connection = one.connect()?;
    let begun = one.begin(&mut connection)?;
    let at = location(&other.connect()?.request("PATCH", &begun, &[OCTETS], &half[..MIB])?.expect(202)?)?;
    let at = location(&connection.request("PATCH", &at, &[OCTETS], &half[MIB..])?.expect(202)?)?;
    other.connect()?.request("PUT", &finishing(&at, &sha256(&half)), &[], b"")?.expect(201)?;
    assert_eq!(one.read(&sha256(&half))?.as_deref(), Some(&half[..]));
    Ok(())
}

#[test]
fn four_pushers_of_one_blob_at_two_registries_all_succeed() -> io::Result<()> {
    let room = room("two-by-two");
    let data = folder(&room, "data");
    let registries = [start(&data), start(&data)];
    let repositories = [pushed(&registries[0]), pushed(&registries[1])];
    for round in 0..16 {
        let body = Random::new(800 + round).bytes(if round % 2 == 0 { 2 * MIB } else { 1000 });
        let (digest, length) = (sha256(&body), Some(body.len() as u64));
        let results: Vec<io::Result<()>> = thread::scope(|scope| {
            let pushers: Vec<_> = (0..4)
                .map(|pusher| {
                    let (repositories, body, digest) = (&repositories, &body, &digest);
                    scope.spawn(move || {
                        let repository = &repositories[pusher % 2];
                        let pushed = match pusher / 2 {
                            0 => repository.push_whole(body)?,
                            _ => repository.push_pieces(body, 700_000)?,
                        };
                        pushed.expect(201)?;
                        for repository in repositories {
                            assert_eq!(repository.stat(digest)?, length);
                            assert!(repository.read(digest)?.is_some());
                        }
                        Ok(())
                    })
                })
                .collect();
            pushers.into_iter().map(|pusher| pusher.join().expect("a pusher found a fault")).collect()
        });
        results.into_iter().collect::<io::Result<()>>()?;
    }
    Ok(())
}
