//! How sizes, ages, times and names are shown to people.

use std::fmt::Write as _;

/// A size in few letters, such as `1.5M`; the units are powers of 1024.
pub fn size(bytes: u64) -> String {
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_235 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    match (unit, tenths) {
        (0, _) => bytes.to_string(),
        (_, ..100) => format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit]),
        (_, _) => format!("{}{}", (tenths + 5) / 10, UNITS[unit]),
    }
}

/// An age in its largest whole unit, such as `3d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A point in time of seconds since 1970, in the form of RFC 3339.
pub fn time(written: u64) -> String {
    let (days, clock) = (written / 86_400, written % 86_400);
    // Years that begin in March end with the leap day; 400 of them always have as many days.
    let days = days + DAYS_TO_1970;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (year + era * 400 + month / 10, if month < 10 { month + 3 } else { month - 9 });
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A name on one line: what would steer a terminal is escaped.
pub fn name(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_control() || letter == '\\' {
            let _ = write!(shown, "{}", letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];

/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_few_letters() {
        for (bytes, shown) in [
            (0, "0"),
            (999, "999"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1536, "1.5K"),
            (10 << 10, "10K"),
            (1_048_575, "1.0M"),
            (3 << 20, "3.0M"),
            (u64::MAX, "16E"),
        ] {
            assert_eq!(size(bytes), shown, "{bytes}");
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, shown) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (86_400, "1d"), (999_999, "11d")]
        {
            assert_eq!(age(seconds), shown);
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(time(seconds), shown);
        }
    }

    #[test]
    fn names_stay_on_their_line() {
        assert_eq!(name("tags/a!/v1"), "tags/a!/v1");
        assert_eq!(name("ü\n\u{1b}[2J\\"), "ü\\n\\u{1b}[2J\\\\");
    }
}
