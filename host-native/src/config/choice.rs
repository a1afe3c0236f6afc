//! Settings that take one of a few names.

/// A setting that takes one of a few names.
pub trait Choice {
    /// All names, in the order in which they are documented.
    fn names(&self) -> &'static [&'static str];
    /// The name of what is chosen.
    fn name(&self) -> &'static str;
    /// Chooses by name; `false`, and nothing changed, if there is no such name.
    fn choose(&mut self, name: &str) -> bool;
}

macro_rules! choices {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])* $variant,)+
        }

        impl $type {
            /// All names, in the order in which they are documented.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }

        impl Choice for $type {
            fn names(&self) -> &'static [&'static str] {
                Self::NAMES
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            fn choose(&mut self, name: &str) -> bool {
                match name {
                    $($name => *self = Self::$variant,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

choices! {
    /// The kind of store.
    Driver {
        /// A plain directory.
        Filesystem = "filesystem",
        /// OpenStack Swift.
        Swift = "swift",
    }
}

choices! {
    /// Whether a write is on the disk before it is acknowledged.
    Sync {
        /// fsync before every 201: a crash of the machine loses nothing that was acknowledged.
        Full = "full",
        /// The system writes when it likes: fast, and for content that can be pushed again.
        None = "none",
    }
}

choices! {
    /// The form of a log line.
    LogFormat {
        /// For people.
        Human = "human",
        /// One JSON object per line.
        Json = "json",
    }
}

choices! {
    /// The least important level that is logged.
    LogLevel {
        /// What needs a person.
        Error = "error",
        /// What may need one.
        Warn = "warn",
        /// One line per request.
        Info = "info",
        /// Why each request went as it did.
        Debug = "debug",
        /// Every step of every request.
        Trace = "trace",
    }
}
