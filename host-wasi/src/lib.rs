//! The registry as one component of WebAssembly: it takes requests by `wasi:http/incoming-handler`, stores in Swift by
//! `wasi:http/outgoing-handler` or in a preopened directory, fetches the keys of issuers, and needs nothing else of a system.
//!
//! ```text
//! incoming-handler --handle--> Drive { Exchange of core } --wire--> outgoing-handler, or files
//!                                 ^ one loop: outputs, steps, poll
//! ```
//!
//! One call of `handle` carries out one exchange with one loop over whatever is ready; nothing blocks but its one poll, and
//! the system calls of files. What a runtime lets live from one request to the next, a token above all, is kept in the
//! `World`.

/// Writes a line to the log. A log that nobody takes must not end the request, as it would by the panic of std's own.
macro_rules! eprintln {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($part)*);
    }};
}

mod drive;
pub mod environment;
mod fetch;
mod files;
mod keys;
mod passwords;
mod swift;
mod wire;
mod world;

mod handle;

#[cfg(target_arch = "wasm32")]
struct Component;

#[cfg(target_arch = "wasm32")]
impl wasip2::exports::http::incoming_handler::Guest for Component {
    fn handle(request: wasip2::http::types::IncomingRequest, owed: wasip2::http::types::ResponseOutparam) {
        handle::handle(request, owed);
    }
}

#[cfg(target_arch = "wasm32")]
wasip2::http::proxy::export!(Component);
