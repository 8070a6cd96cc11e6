-- A policy is a row of versions. What a version says never changes; only its status does.
CREATE TABLE routing_policy (
    merchant_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    name        TEXT   NOT NULL, -- of its latest version
    latest      BIGINT NOT NULL CHECK (latest > 0),
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);

CREATE TABLE routing_policy_version (
    merchant_id  TEXT   NOT NULL,
    policy_id    TEXT   NOT NULL,
    number       BIGINT NOT NULL CHECK (number > 0),
    id           TEXT   NOT NULL,
    status       TEXT   NOT NULL CHECK (status IN ('draft', 'published', 'retired')),
    document     TEXT   NOT NULL,
    created_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    published_at BIGINT, -- the last time
    version      BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, policy_id, number)
);
CREATE UNIQUE INDEX routing_policy_version_id ON routing_policy_version (merchant_id, policy_id, id);

-- By which version a merchant's payments are routed: one row, so that two who publish at once are told apart.
CREATE TABLE routing_published (
    merchant_id  TEXT   NOT NULL,
    policy_id    TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    published_by TEXT   NOT NULL,
    published_at BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    PRIMARY KEY (merchant_id)
);

-- How far an experiment was judged, and whether its challenger fell back.
CREATE TABLE routing_experiment (
    merchant_id         TEXT   NOT NULL,
    policy_id           TEXT   NOT NULL,
    name                TEXT   NOT NULL,
    looks               BIGINT NOT NULL CHECK (looks > 0),
    control             BIGINT NOT NULL, -- at the last look
    control_approved    BIGINT NOT NULL,
    challenger          BIGINT NOT NULL,
    challenger_approved BIGINT NOT NULL,
    looked_at           BIGINT NOT NULL,
    stopped_at          BIGINT,
    version             BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, policy_id, name)
);

-- What each process counted: it alone writes its row, so that nobody waits for anybody.
CREATE TABLE routing_tally (
    merchant_id         TEXT   NOT NULL,
    policy_id           TEXT   NOT NULL,
    name                TEXT   NOT NULL,
    process             TEXT   NOT NULL,
    control             BIGINT NOT NULL,
    control_approved    BIGINT NOT NULL CHECK (control_approved <= control),
    challenger          BIGINT NOT NULL,
    challenger_approved BIGINT NOT NULL CHECK (challenger_approved <= challenger),
    updated_at          BIGINT NOT NULL,
    version             BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, policy_id, name, process)
);
