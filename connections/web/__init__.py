"""Parts shared by pages and API: access, current scope, actor of a request, page context, middleware, forms."""
