//! The clients that people use, against a registry that is locked: over plain HTTP, and over TLS.

#[path = "clients_locks/certificates.rs"]
mod certificates;
#[path = "clients_locks/expiry.rs"]
mod expiry;
#[path = "clients_locks/flows.rs"]
mod flows;
#[path = "clients_locks/locked.rs"]
mod locked;
#[path = "clients_locks/logins.rs"]
mod logins;
#[path = "clients_locks/nginx.rs"]
mod nginx;
#[path = "hostile_tls/pair.rs"]
mod pair;
#[path = "clients_locks/rights.rs"]
mod rights;
#[path = "clients_locks/zuul.rs"]
mod zuul;

/// Makes of every case two tests, one over plain HTTP, one over TLS.
macro_rules! each_way {
    ($($module:ident::$case:ident,)*) => {
        each_way! { plain, Plain, $($module::$case,)* }
        each_way! { over_tls, Tls, $($module::$case,)* }
    };
    ($column:ident, $way:ident, $($module:ident::$case:ident,)*) => {
        mod $column {
            $(
                #[test]
                fn $case() {
                    super::$module::$case(super::locked::Way::$way);
                }
            )*
        }
    };
}

each_way! {
    logins::who_logs_in_pushes_until_he_logs_out,
    logins::who_reads_does_not_push_and_strangers_do_not_even_read,
    logins::credentials_for_another_registry_do_not_keep_anybody_from_what_is_public,
    rights::nobody_pushes_into_the_repositories_of_another_team,
    rights::layers_are_mounted_from_where_they_may_be_read_and_sent_otherwise,
    rights::tags_and_repositories_are_listed_and_deleted_by_who_may,
}
