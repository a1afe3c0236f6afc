use wasip2::filesystem::types::ErrorCode;
use wharfinger_core::store::Reply;

/// What failing to find or open `name` is to core.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other codes of the world mean one thing here")]
pub(super) fn of_lookup(name: &str, code: ErrorCode) -> Reply {
    match code {
        ErrorCode::NoEntry => Reply::Missing,
        // A folder, a link, a socket: something stands there, and it is no object.
        ErrorCode::IsDirectory | ErrorCode::NotDirectory | ErrorCode::Loop | NOT_REGULAR => {
            eprintln!(
                "warning: {name}: something else than a regular file stands where an object should be; remove it"
            );
            Reply::Damaged
        }
        code => of_change(name, code),
    }
}

/// What failing to write, name, touch or list `name` is to core. No file may be missing on this side: one that is was
/// removed under our hands, and the next try may go well.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other codes of the world mean one thing here")]
pub(super) fn of_change(name: &str, code: ErrorCode) -> Reply {
    eprintln!("warning: the store has trouble: {name}: {}", code.message());
    match code {
        ErrorCode::InsufficientSpace | ErrorCode::Quota | ErrorCode::TooManyLinks => Reply::Full,
        ErrorCode::ReadOnly
        | ErrorCode::Access
        | ErrorCode::NotPermitted
        | ErrorCode::FileTooLarge
        | ErrorCode::IsDirectory
        | ErrorCode::NotDirectory
        | ErrorCode::NotEmpty
        | ErrorCode::Exist
        | ErrorCode::Loop
        | ErrorCode::CrossDevice
        | ErrorCode::NameTooLong
        | ErrorCode::Unsupported
        | ErrorCode::Invalid => Reply::Refused,
        _ => Reply::Unavailable { retry_after: None },
    }
}

/// Stands for "this is no regular file"; nothing that is done here gives it.
pub(super) const NOT_REGULAR: ErrorCode = ErrorCode::NoTty;
