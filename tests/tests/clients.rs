//! The clients that people use, against a real registry process of each host on each store: what is pulled is what was pushed, byte for
//! byte.

#[path = "clients/builders.rs"]
mod builders;
#[path = "clients/quay.rs"]
mod quay;
#[path = "clients/racing.rs"]
mod racing;
#[path = "clients/skopeo.rs"]
mod skopeo;

/// Makes of every case one test on each store, with each host. A case that is not listed does not build: nothing would use
/// it.
macro_rules! on_each_store {
    ($($module:ident::$case:ident,)*) => {
        on_each_store! { on_files, Native, Files, $($module::$case,)* }
        on_each_store! { on_swift, Native, Swift, $($module::$case,)* }
        on_each_store! { on_wasi_files, Wasi, Files, $($module::$case,)* }
        on_each_store! { on_wasi_swift, Wasi, Swift, $($module::$case,)* }
    };
    ($column:ident, $host:ident, $store:ident, $($module:ident::$case:ident,)*) => {
        mod $column {
            use super::quay::{Host, Quay, Store};
            $(
                #[test]
                fn $case() {
                    let purpose = concat!(stringify!($column), "-", stringify!($case));
                    super::$module::$case(&Quay::open(Host::$host, Store::$store, purpose));
                }
            )*
        }
    };
}

on_each_store! {
    skopeo::skopeo_pulls_every_kind_of_image_as_it_pushed_it,
    skopeo::skopeo_pulls_by_digest_what_was_pushed_by_tag,
    skopeo::skopeo_lists_tags_and_deletes,
    skopeo::skopeo_copies_an_index_with_all_its_images,
    skopeo::skopeo_pushes_the_docker_format,
    skopeo::skopeo_mounts_layers_between_repositories,
    skopeo::skopeo_syncs_a_repository_to_a_folder_and_back,
    builders::podman_pulls_what_podman_pushed,
    builders::buildah_pulls_what_buildah_built_and_pushed,
    racing::four_clients_push_the_same_image_at_once,
}
