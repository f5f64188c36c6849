//! Which cryptography TLS uses, said once.

/// Has every connection of this program use the same provider.
pub fn install() {
    // Somebody else may have been first; then it is done.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
