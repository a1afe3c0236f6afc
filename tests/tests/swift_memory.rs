//! The memory of the server does not grow with the number of pushes to Swift, nor with their size.

use wharfinger_tests::process::resident_bytes_max;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{Options, Swift};

const MIB: usize = 1024 * 1024;
/// So many clients push at once.
const CLIENTS: u64 = 16;
/// The most that the server may ever have resident.
const RESIDENT_MAX: usize = 32 * MIB;

#[test]
fn sixteen_clients_push_at_once_through_little_memory() {
    let mib = if std::env::var_os("WHARFINGER_LONG").is_some() { 256 } else { 32 };
    let swift = Swift::start(&Options::default()).expect("Swift starts");
    let berth = Berth::v1(&swift.auth_url(), swift.user(), swift.key(), "memory");
    let registry = berth.with("  limits: {segment-bytes: 67108864}\n").start().expect("the registry starts");
    let repository = Repository::new(registry.address(), "memory/app");
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let repository = &repository;
            scope.spawn(move || {
                let digest = repository.push_mib(client, mib).expect("is stored");
                let size = mib << 20;
                assert_eq!(repository.stat(&digest).expect("HEAD"), Some(size));
            });
        }
    });
    let resident = resident_bytes_max(registry.pid()).expect("it runs");
    eprintln!("{CLIENTS} x {mib} MiB pushed: {} KiB resident", resident / 1024);
    assert!(resident < RESIDENT_MAX, "{} KiB resident", resident / 1024);
}
