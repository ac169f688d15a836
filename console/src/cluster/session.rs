//! A viewer of a cluster: the requests that carry their rights, and what these rights allow.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client, Config, Error};
use tokio::sync::Mutex;

use super::kinds::{GROUP, KINDS};
use super::rights::Refused;
use crate::viewer::{Place, Sight};

/// The questions to the API server that are under way at a time, for one viewer.
const AT_ONCE: usize = 16;

/// How long rights are kept if the API server does not answer.
const GRACE: Duration = Duration::from_secs(300);

/// A viewer of a cluster.
pub struct Session {
    name: String,
    client: Client,
    known: Mutex<Known>,
}

/// What is known of the viewer's rights.
#[derive(Default)]
struct Known {
    sight: Arc<Sight>,
    /// The places that exist, when `sight` was asked for.
    places: BTreeSet<Place>,
    asked: Option<Instant>,
    answered: Option<Instant>,
}

impl Session {
    /// Asks the cluster who the user of `config` is.
    ///
    /// # Errors
    ///
    /// The cluster does not know the user, or does not answer.
    pub async fn begin(config: Config) -> Result<Self, Refused> {
        let client = Client::try_from(config);
        let client = client.map_err(|error| Refused::Unavailable(error.to_string()))?;
        let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
        let review = SelfSubjectReview::default();
        let answer = reviews.create(&PostParams::default(), &review).await;
        let name = match answer {
            Ok(review) => {
                let user = review.status.and_then(|status| status.user_info);
                user.and_then(|user| user.username).unwrap_or_default()
            }
            // Kubernetes before 1.28 does not say who somebody is.
            Err(Error::Api(status)) if status.code == 404 => String::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            name,
            client,
            known: Mutex::default(),
        })
    }

    /// The name by which the cluster knows the viewer. Empty: it does not say.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client whose requests have the viewer's rights.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What the viewer may see and change of the plugins in `places`. An answer is good for `lifetime`, or until there
    /// are new places.
    ///
    /// # Errors
    ///
    /// The cluster no longer knows the viewer, or has not answered for five minutes.
    pub async fn sight(
        &self,
        places: &BTreeSet<Place>,
        lifetime: Duration,
    ) -> Result<Arc<Sight>, Refused> {
        let mut known = self.known.lock().await;
        let is_fresh = known
            .asked
            .is_some_and(|asked| asked.elapsed() < lifetime && places.is_subset(&known.places));
        if is_fresh && known.answered.is_some() {
            return Ok(Arc::clone(&known.sight));
        }
        known.asked = Some(Instant::now());
        match self.ask_all(places).await {
            Ok(sight) => {
                known.sight = Arc::new(sight);
                known.places.clone_from(places);
                known.answered = known.asked;
            }
            Err(Error::Api(status)) if [401, 403].contains(&status.code) => {
                known.answered = None;
                return Err(Error::Api(status).into());
            }
            Err(error) => {
                let is_recent = |answered: Instant| answered.elapsed() < GRACE;
                if !known.answered.is_some_and(is_recent) {
                    return Err(error.into());
                }
            }
        }
        Ok(Arc::clone(&known.sight))
    }

    async fn ask_all(&self, places: &BTreeSet<Place>) -> Result<Sight, Error> {
        let seen = self.allowed("list", places).await?;
        let changed = self.allowed("patch", &seen).await?;
        Ok(Sight::of(seen, changed))
    }

    /// The places in which the viewer may do `verb`. One question for all namespaces comes first.
    async fn allowed(
        &self,
        verb: &str,
        places: &BTreeSet<Place>,
    ) -> Result<BTreeSet<Place>, Error> {
        let mut allowed = BTreeSet::new();
        for kind in &KINDS {
            let of_kind = places.iter().filter(|place| place.plural == kind.plural);
            let of_kind: Vec<&Place> = of_kind.collect();
            if of_kind.is_empty() {
                continue;
            }
            if self.may(verb, kind.plural, None).await? {
                allowed.extend(of_kind.into_iter().cloned());
                continue;
            }
            let mut answers = stream::iter(of_kind.into_iter().cloned())
                .map(|place| async move {
                    let may = self.may(verb, &place.plural, Some(&place.namespace)).await;
                    may.map(|may| may.then_some(place))
                })
                .buffer_unordered(AT_ONCE);
            while let Some(answer) = answers.next().await {
                allowed.extend(answer?);
            }
        }
        Ok(allowed)
    }

    async fn may(&self, verb: &str, plural: &str, namespace: Option<&str>) -> Result<bool, Error> {
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(GROUP.into()),
                    resource: Some(plural.into()),
                    verb: Some(verb.into()),
                    namespace: namespace.map(Into::into),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
