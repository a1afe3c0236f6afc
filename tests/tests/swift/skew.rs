//! Clocks that differ.

use std::process::Command;

use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};

use super::{berth_through, shared};

/// What the log says of clocks.
const WARNING: &str = "the clocks of Swift and of this machine differ";

/// The date in so many seconds, as HTTP writes it.
fn date_in(seconds: i32) -> String {
    let out = Command::new("date")
        .args(["-u", "-d", &format!("{seconds} seconds"), "+%a, %d %b %Y %H:%M:%S GMT"])
        .env("LC_ALL", "C")
        .output()
        .expect("date runs");
    String::from_utf8(out.stdout).expect("a date is ASCII").trim().to_owned()
}

#[test]
fn a_clock_that_is_wrong_by_more_than_5_s_is_warned_of() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let berth = berth_through(&proxy, swift, "skew");
    for (seconds, warned) in [(0, false), (-60, true), (60, true)] {
        proxy.clear();
        if seconds != 0 {
            proxy.rule(Rule::new(Action::ReplaceField("date", date_in(seconds))).always());
        }
        let registry = berth.start().expect("the registry starts");
        let log = registry.log();
        assert_eq!(log.contains(WARNING), warned, "{seconds} s: {log}");
        assert!(!warned || log.contains("NTP"), "{log}");
    }
}
