// Reads {secret, headers, body} from standard input and says what the published package says of it. NODE_PATH is this folder.
'use strict';
const {Webhook} = require('standardwebhooks');

const {secret, headers, body} = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
try {
	const event = new Webhook(secret).verify(body, headers);
	console.log('verified ' + event.id);
} catch (e) {
	console.log('refused: ' + e.message);
}
