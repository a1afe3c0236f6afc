//! Points in time as Swift and Keystone write them, read as seconds since 1970.

use super::text::parse_number;

/// Reads an HTTP date in its one current form (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn parse_http_date(text: &str) -> Option<u64> {
    let (_, date) = text.split_once(", ")?;
    let mut words = date.split(' ');
    let mut next = || words.next();
    let (day, month, year, clock) = (next()?, next()?, next()?, next()?);
    if next()? != "GMT" || next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    seconds(fixed(year, 4)?, month, fixed(day, 2)?, parse_clock(clock)?)
}

/// Reads a timestamp of RFC 3339: `2026-01-02T03:04:05.678901Z`, or with an offset. Fractions are dropped.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut numbers = date.split('-');
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    if numbers.next().is_some() {
        return None;
    }
    let (clock, rest) = rest.split_at_checked(8)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if rest.len() == fraction.len() {
                return None;
            }
            rest
        }
        None => rest,
    };
    let local = seconds(fixed(year, 4)?, fixed(month, 2)?, fixed(day, 2)?, parse_clock(clock)?)?;
    match rest.split_at_checked(1)? {
        ("Z" | "z", "") => Some(local),
        ("+", offset) => local.checked_sub(parse_offset(offset)?),
        ("-", offset) => local.checked_add(parse_offset(offset)?),
        _ => None,
    }
}

/// Reads the whole seconds of a time as Swift keeps it: `1700000000.12345`.
pub(super) fn parse_timestamp(text: &str) -> Option<u64> {
    parse_number(text.split('.').next()?)
}

fn parse_clock(text: &str) -> Option<u64> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let (hour, minute, second) = (fixed(hour, 2)?, fixed(minute, 2)?, fixed(second, 2)?);
    // 60 is a leap second.
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn parse_offset(text: &str) -> Option<u64> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (fixed(hour, 2)?, fixed(minute, 2)?);
    (hour < 24 && minute < 60).then_some(hour * 3600 + minute * 60)
}

fn fixed(text: &str, digits: usize) -> Option<u64> {
    if text.len() == digits { parse_number(text) } else { None }
}

fn seconds(year: u64, month: u64, day: u64, clock: u64) -> Option<u64> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || day < 1 || day > days {
        return None;
    }
    // Years that begin in March end with the leap day, so that months before the given one have fixed lengths.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let since_year_0 = year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1;
    Some((since_year_0 - DAYS_TO_1970) * 86_400 + clock)
}

/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: u64 = 719_468;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Tue, 29 Feb 2000 23:59:60 GMT", Some(951_868_800)),
            ("Mon, 29 Feb 2100 00:00:00 GMT", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nov 1994 24:49:37 GMT", None),
            ("Sun, 06 Nov 1969 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT x", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun Nov  6 08:49:37 1994", None),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("", None),
            (", ", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
        ] {
            assert_eq!(parse_http_date(text), seconds, "{text}");
        }
    }

    #[test]
    fn timestamps_of_rfc_3339() {
        for (text, seconds) in [
            ("1994-11-06T08:49:37Z", Some(784_111_777)),
            ("1994-11-06T08:49:37.000000Z", Some(784_111_777)),
            ("1994-11-06t08:49:37.9z", Some(784_111_777)),
            ("1994-11-06 09:49:37+01:00", Some(784_111_777)),
            ("1994-11-06T07:19:37-01:30", Some(784_111_777)),
            ("2026-12-31T23:59:59Z", Some(1_798_761_599)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("1970-01-01T00:00:00+00:01", None),
            ("1994-11-06T08:49:37", None),
            ("1994-11-06T08:49:37.Z", None),
            ("1994-11-06T08:49:37Z ", None),
            ("1994-13-06T08:49:37Z", None),
            ("1994-00-06T08:49:37Z", None),
            ("1994-11-31T08:49:37Z", None),
            ("1994-11-06-01T08:49:37Z", None),
            ("94-11-06T08:49:37Z", None),
            ("1994-11-06T08:49:é7Z", None),
            ("1994-11-06T08:49:3", None),
            ("1994-11-06T08:49:37+1:00", None),
            ("T", None),
            ("", None),
        ] {
            assert_eq!(parse_rfc3339(text), seconds, "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = 0;
        for year in 1970..2401 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(start) = seconds(year, month, day, 0) {
                        assert_eq!(start, expected, "{year}-{month}-{day}");
                        expected += 86_400;
                    }
                }
            }
        }
        assert_eq!(expected, seconds(2401, 1, 1, 0).unwrap());
    }

    #[test]
    fn times_of_swift() {
        assert_eq!(parse_timestamp("1700000000.12345"), Some(1_700_000_000));
        assert_eq!(parse_timestamp("1700000000.12345_0000000000000001"), Some(1_700_000_000));
        assert_eq!(parse_timestamp("1700000000"), Some(1_700_000_000));
        for text in ["", ".5", "-1.0", "1e9", "x"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }
}
