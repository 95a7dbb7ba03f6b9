"""What pages and API share: access, current scope, actor of a request, page context, middleware, forms."""
