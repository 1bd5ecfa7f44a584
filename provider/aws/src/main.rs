//! The provider's process.

fn main() -> std::process::ExitCode {
    tfplugin_rs::serve(provider_aws::provider::Ringfence)
}
