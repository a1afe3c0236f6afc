/// Seconds since 1970 as a timestamp of RFC 3339: `2026-01-02T03:04:05Z`.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let (days, clock) = (seconds / DAY, seconds % DAY);
    // Years that begin in March end with the leap day, so that months have fixed lengths counted from the first one.
    let since_year_0 = days + DAYS_TO_1970;
    let (era, day) = (since_year_0 / ERA_DAYS, since_year_0 % ERA_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", era * 400 + year)
}

const DAY: u64 = 86_400;

/// Four hundred years, after which the calendar repeats itself.
const ERA_DAYS: u64 = 146_097;

/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for day in 0..60_000 {
            let seconds = day * DAY + day % DAY;
            assert_eq!(crate::swift::time::parse_rfc3339(&rfc3339(seconds)), Some(seconds));
        }
    }
}
