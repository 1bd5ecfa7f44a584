//! The generated code in `src/proto/` is what `proto/*.proto` says. `UPDATE_EXPECT=1` writes it anew.

use std::fs;
use std::path::Path;

use expect_test::expect_file;

fn generate(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let descriptors = protox::compile([format!("{name}.proto")], [folder]).unwrap();
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .generate_default_stubs(true)
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds(descriptors)
        .unwrap();
    fs::read_to_string(out.path().join(format!("{name}.rs"))).unwrap()
}

#[test]
fn the_provider_protocol_is_current() {
    expect_file!["../../src/proto/tfplugin6.rs"].assert_eq(&generate("tfplugin6"));
}

#[test]
fn the_plugin_protocol_is_current() {
    expect_file!["../../src/proto/plugin.rs"].assert_eq(&generate("plugin"));
}
