//! The Swift dialect, request by request and answer by answer.

mod advice;
mod answers;
mod hostile;
mod info;
mod joins;
mod key_check;
mod keystone;
mod listings;
mod reads;
mod requests;
mod support;
mod temp_url;
mod temp_url_keys;
mod v1_auth;
