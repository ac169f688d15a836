//! A gate that holds answers back until a test opens it.

use tokio::sync::watch;

/// A gate, closed at first. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    is_open: watch::Sender<bool>,
}

impl Gate {
    /// Returns a closed gate.
    #[must_use]
    pub fn closed() -> Self {
        let (is_open, _) = watch::channel(false);
        Self { is_open }
    }

    /// Opens the gate. It cannot be closed again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until the gate is open.
    pub(super) async fn passed(&self) {
        // Fails only if all gates are dropped, and this one is not.
        let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
    }
}
