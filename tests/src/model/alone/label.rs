use std::fmt::{self, Display};

use wharfinger_core::store::{Key, Listing, Op};

use super::Scene;

/// What a call asks of the store, told by what its object is to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The op.
    pub kind: Kind,
    /// Its object.
    pub role: Role,
}

macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = $text] $variant),+
        }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it stands in tables and diagrams.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }
    };
}

named! {
    /// The kinds of [`Op`].
    Kind {
        Read = "read",
        Stat = "stat",
        Write = "write",
        Join = "join",
        Copy = "copy",
        Touch = "touch",
        Release = "release",
        Remove = "remove",
        List = "list",
        Check = "check",
    }
}

named! {
    /// What an object is to a request.
    Role {
        Blob = "blob",
        Link = "link",
        SourceLink = "source link",
        Segment = "segment",
        SegmentList = "segment list",
        Manifest = "manifest",
        Child = "child",
        Tag = "tag",
        ExtraTag = "extra tag",
        Referrer = "referrer",
        Tags = "tags",
        Manifests = "manifests",
        Links = "links",
        Repositories = "repositories",
        Referrers = "referrers",
        Elsewhere = "elsewhere",
        Password = "password",
        Keys = "keys",
    }
}

impl Label {
    /// What an op is to a request.
    pub fn of(scene: &Scene, op: &Op) -> Self {
        let (kind, role) = match op {
            Op::Read { key, .. } => (Kind::Read, scene.role(key)),
            Op::Stat { key } => (Kind::Stat, scene.role(key)),
            Op::Write { key, .. } => (Kind::Write, scene.role(key)),
            Op::Join { key, .. } => (Kind::Join, scene.role(key)),
            Op::Copy { to, .. } => (Kind::Copy, scene.role(to)),
            Op::Touch { key } => (Kind::Touch, scene.role(key)),
            Op::Release { parts } => {
                (Kind::Release, parts.first().map_or(Role::Elsewhere, |part| scene.role(&part.key)))
            }
            Op::Remove { key } => (Kind::Remove, scene.role(key)),
            Op::List { listing, .. } => (Kind::List, scene.role_of_listing(listing)),
        };
        Self { kind, role }
    }

    /// Reads a label as [`Display`] writes it.
    ///
    /// # Panics
    /// If there is none: tables of labels are part of the tests.
    pub fn parse(text: &str) -> Self {
        let parts = text.split_once(' ').and_then(|(kind, role)| {
            let kind = Kind::ALL.iter().find(|known| known.name() == kind)?;
            let role = Role::ALL.iter().find(|known| known.name() == role)?;
            Some(Self { kind: *kind, role: *role })
        });
        parts.unwrap_or_else(|| panic!("no label: {text:?}"))
    }

    /// Reads a row of labels with commas between them.
    pub fn parse_all(text: &str) -> Vec<Self> {
        text.split(", ").filter(|label| !label.is_empty()).map(Self::parse).collect()
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.role.name())
    }
}

impl Scene {
    /// What a key is to this request. What belongs to nobody who takes part is elsewhere.
    pub fn role(&self, key: &Key) -> Role {
        match key {
            Key::Blob(digest) if *digest == self.digest => Role::Blob,
            Key::Link(repository, digest) if *digest == self.digest => {
                if *repository == self.repository {
                    Role::Link
                } else if self.source.as_ref() == Some(repository) {
                    Role::SourceLink
                } else {
                    Role::Elsewhere
                }
            }
            Key::Segment { upload, .. } if *upload == self.upload => Role::Segment,
            Key::SegmentList { upload, .. } if *upload == self.upload => Role::SegmentList,
            Key::Manifest(repository, digest) if *repository == self.repository => {
                if *digest == self.manifest {
                    Role::Manifest
                } else if *digest == self.child {
                    Role::Child
                } else {
                    Role::Elsewhere
                }
            }
            Key::Tag(repository, tag) if *repository == self.repository => match tag.as_str() {
                "v1" => Role::Tag,
                "v2" => Role::ExtraTag,
                _ => Role::Elsewhere,
            },
            Key::Referrer { repository, subject, .. }
                if *repository == self.repository && *subject == self.child =>
            {
                Role::Referrer
            }
            Key::Blob(_)
            | Key::Link(..)
            | Key::Segment { .. }
            | Key::SegmentList { .. }
            | Key::Manifest(..)
            | Key::Tag(..)
            | Key::Referrer { .. } => Role::Elsewhere,
        }
    }

    fn role_of_listing(&self, listing: &Listing) -> Role {
        match listing {
            Listing::Repositories => Role::Repositories,
            Listing::Manifests(repository) if *repository == self.repository => Role::Manifests,
            Listing::Links(repository) if *repository == self.repository => Role::Links,
            Listing::Tags(repository) if *repository == self.repository => Role::Tags,
            Listing::Referrers(repository, subject)
                if *repository == self.repository && *subject == self.child =>
            {
                Role::Referrers
            }
            Listing::Manifests(_)
            | Listing::Links(_)
            | Listing::Tags(_)
            | Listing::Referrers(..)
            | Listing::Names { .. } => Role::Elsewhere,
        }
    }
}
