//! What PyYAML, which openstacksdk reads with, takes an unquoted scalar for: the types of YAML 1.1.

/// A type of YAML 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Nothing.
    Null,
    /// true or false.
    Truth(bool),
    /// A whole number that is printed as it is written.
    Number,
    /// Something that is not printed as it is written: another number, or a time.
    Other,
    /// Text.
    Text,
}

/// The type of an unquoted scalar.
pub fn type_of(text: &str) -> Type {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Type::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Type::Truth(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Type::Truth(false);
        }
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    if plain && !text.starts_with('+') && (text == "0" || !unsigned.starts_with('0')) {
        return Type::Number;
    }
    let other = is_other_integer(unsigned) || is_float(unsigned) || is_time(text);
    if other { Type::Other } else { Type::Text }
}

fn is_other_integer(text: &str) -> bool {
    let of = |prefix, digit: fn(&u8) -> bool| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte == b'_' || digit(&byte)))
    };
    let octal = |byte: &u8| (b'0'..=b'7').contains(byte);
    let binary = |byte: &u8| matches!(byte, b'0' | b'1');
    let decimal = |text: &str| !text.starts_with('0') && is_digits(text);
    of("0b", binary) || of("0x", u8::is_ascii_hexdigit) || of("0", octal) || text == "0" || decimal(text) || {
        let mut parts = text.split(':');
        parts.next().is_some_and(decimal) && text.contains(':') && parts.all(is_sixtieth)
    }
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((units, fraction)) = text.split_once('.') else { return false };
    let (digits, exponent) = match fraction.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.strip_prefix(['+', '-'])),
        None => (fraction, Some("0")),
    };
    let exponent =
        exponent.is_some_and(|exponent| !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit()));
    let digits_only = digits.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit());
    let mut parts = units.split(':');
    let units_fit = match units {
        "" => digits.starts_with(|digit: char| digit.is_ascii_digit()),
        _ => parts.next().is_some_and(is_digits) && parts.all(is_sixtieth),
    };
    exponent && digits_only && units_fit
}

/// A date, or what begins like a date and a time.
fn is_time(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |text: &str, from: usize| {
        (from..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let year_fits = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let (day, time) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let has_time = time.starts_with(['T', 't', ' ', '\t']) && time.contains(':');
    year_fits
        && digits(month, if has_time { 1 } else { 2 })
        && digits(day, if has_time { 1 } else { 2 })
        && (time.is_empty() || has_time)
}

fn is_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
}

/// A number from 0 to 59.
fn is_sixtieth(text: &str) -> bool {
    text.len() <= 2 && text.parse::<u8>().is_ok_and(|number| number < 60) && !text.starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_have_the_types_of_yaml_1_1() {
        let check = |texts: &[&str], expected| {
            for text in texts {
                assert_eq!(type_of(text), expected, "{text:?}");
            }
        };
        check(&["", "~", "null"], Type::Null);
        check(&["yes", "On", "TRUE"], Type::Truth(true));
        check(&["no", "Off", "false"], Type::Truth(false));
        check(&["0", "1", "-12", "12345678901234567890123456789012"], Type::Number);
        check(&["-0", "012", "+1", "1_000", "0x1F", "0b11", "1:30", "-1:30:59"], Type::Other);
        check(&["1.5", "1.", "-1.5e+3", ".5", ".inf", "-.INF", ".nan", "1:30.5", "1_0.0"], Type::Other);
        check(&["2026-01-31", "2026-1-3T1:02:03Z", "2026-01-31 10:11:12.5 +1"], Type::Other);
        check(
            &["a", "y", "0899", "1e5", "7e12", "0123456789abcdef", "1.2.3", "10.0.0.1", "-", "+", "."],
            Type::Text,
        );
        check(
            &["1:60", "12:345", "http://a:5000/v3", "2026-1-3", "2026-01-31x", "1.5e3", "nan", "test:tester"],
            Type::Text,
        );
    }
}
