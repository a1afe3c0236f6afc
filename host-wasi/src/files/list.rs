use std::ops::ControlFlow;

use wasip2::filesystem::types::{DescriptorType, ErrorCode};
use wharfinger_core::store::{Folders, Kind, Listing, Reply, page_of_folders};

use super::directory::Directory;
use super::error::{NOT_REGULAR, of_change};

pub(super) fn list(directory: &Directory, listing: &Listing, after: Option<&str>, limit: u32) -> Reply {
    match page_of_folders(directory, listing, after, limit) {
        Ok(page) => Reply::Page(page),
        Err(code) => of_change(&listing.to_string(), code),
    }
}

impl Folders for Directory {
    type Error = ErrorCode;

    fn visit(
        &self,
        folder: &str,
        visitor: &mut dyn FnMut(&str, Kind) -> ControlFlow<()>,
    ) -> Result<(), ErrorCode> {
        let entries = match self.open_folder(folder).and_then(|folder| folder.read_directory()) {
            Err(ErrorCode::NoEntry | ErrorCode::NotDirectory | ErrorCode::Loop) => return Ok(()),
            entries => entries?,
        };
        while let Some(entry) = entries.read_directory_entry()? {
            let kind = match entry.type_ {
                DescriptorType::Directory => Kind::Folder,
                DescriptorType::RegularFile => Kind::Object,
                DescriptorType::Unknown
                | DescriptorType::BlockDevice
                | DescriptorType::CharacterDevice
                | DescriptorType::Fifo
                | DescriptorType::SymbolicLink
                | DescriptorType::Socket => continue,
            };
            let name = entry.name;
            let fits = !name.starts_with('.')
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_graphic());
            if fits && visitor(&name, kind).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn look(&self, name: &str) -> Result<Option<(u64, Option<u64>)>, ErrorCode> {
        match self.stat_object(name) {
            Ok(stat) => Ok(Some((stat.size, Some(stat.written)))),
            Err(ErrorCode::NoEntry | ErrorCode::NotDirectory | ErrorCode::Loop | NOT_REGULAR) => Ok(None),
            Err(code) => Err(code),
        }
    }
}
