-- What it costs and who asked for it: model tokens, calls to X, tool calls
-- over MCP, and an audit of everything that changed something.

CREATE TABLE llm_usage (
    id            INTEGER PRIMARY KEY,
    account_id    TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    usage_type    TEXT NOT NULL,
    provider      TEXT NOT NULL,
    model         TEXT NOT NULL,
    input_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd      REAL NOT NULL DEFAULT 0,
    created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_llm_usage_created_at ON llm_usage (created_at);
CREATE INDEX idx_llm_usage_model ON llm_usage (provider, model);

CREATE TABLE x_api_usage (
    id          INTEGER PRIMARY KEY,
    account_id  TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    endpoint    TEXT NOT NULL,
    method      TEXT NOT NULL,
    status_code INTEGER NOT NULL,
    cost_usd    REAL NOT NULL DEFAULT 0,
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_x_api_usage_created_at ON x_api_usage (created_at);
CREATE INDEX idx_x_api_usage_endpoint ON x_api_usage (endpoint, created_at);

CREATE TABLE mcp_telemetry (
    id              INTEGER PRIMARY KEY,
    account_id      TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    tool_name       TEXT NOT NULL,
    category        TEXT NOT NULL,
    latency_ms      INTEGER NOT NULL DEFAULT 0,
    success         INTEGER NOT NULL DEFAULT 1 CHECK (success IN (0, 1)),
    error_code      TEXT,
    policy_decision TEXT,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_mcp_telemetry_created_at ON mcp_telemetry (created_at);
CREATE INDEX idx_mcp_telemetry_tool_name ON mcp_telemetry (tool_name, created_at);

-- AUTOINCREMENT: an audit trail has no number twice.
CREATE TABLE mutation_audit (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    correlation_id  TEXT NOT NULL,
    idempotency_key TEXT,
    tool_name       TEXT NOT NULL,
    params_hash     TEXT NOT NULL,
    params_summary  TEXT NOT NULL DEFAULT '{}',
    result_summary  TEXT,
    status          TEXT NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'success', 'failure')),
    error_message   TEXT,
    elapsed_ms      INTEGER,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    completed_at    TEXT
);

CREATE UNIQUE INDEX idx_mutation_audit_correlation_id ON mutation_audit (correlation_id);
CREATE INDEX idx_mutation_audit_idempotency_key ON mutation_audit (idempotency_key);
CREATE INDEX idx_mutation_audit_params ON mutation_audit (tool_name, params_hash);

CREATE VIEW daily_costs (day, service, cost_usd) AS
SELECT substr(created_at, 1, 10), 'llm', SUM(cost_usd) FROM llm_usage GROUP BY 1
UNION ALL
SELECT substr(created_at, 1, 10), 'x_api', SUM(cost_usd) FROM x_api_usage GROUP BY 1;
