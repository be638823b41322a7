use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use tower::ServiceExt;

/// Answers like `then` while `holds` says so, and like `otherwise` else; asked at every request.
pub fn switch<Holding>(
    holds: impl Fn() -> Holding + Clone + Send + Sync + 'static,
    then: Router,
    otherwise: Router,
) -> Router
where
    Holding: Future<Output = bool> + Send + 'static,
{
    otherwise.layer(from_fn(move |request: Request, next: Next| {
        let (holding, then) = (holds(), then.clone());
        async move {
            if holding.await {
                let Ok(response) = then.oneshot(request).await;
                response
            } else {
                next.run(request).await
            }
        }
    }))
}
