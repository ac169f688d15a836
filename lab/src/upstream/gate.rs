//! What answers wait for until a test lets them go.

use tokio::sync::watch;

/// A gate, closed at first. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    is_open: watch::Sender<bool>,
}

impl Gate {
    /// A closed one.
    #[must_use]
    pub fn closed() -> Self {
        let (is_open, _) = watch::channel(false);
        Self { is_open }
    }

    /// Opens it, for good.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until it is open.
    pub(super) async fn passed(&self) {
        // Fails when no gate is left to open, which cannot be while this one lives.
        let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
    }
}
