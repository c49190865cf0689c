// The SDKs straight at the model server, without a relay: proves that the fake is what the SDKs
// know, so that a failure through the relay is the relay's.
import { after, before } from 'node:test';
import { upstreamErrors } from './error_suite.mjs';
import { Models } from './fixtures.mjs';
import { anthropicWorks, geminiLists, geminiWorks, openaiWorks } from './good_suite.mjs';
import { direct } from './places.mjs';
import { streamsEndRightly } from './stream_suite.mjs';

let models;
before(async () => {
  models = await Models.start();
});
after(() => models.close());
const place = () => direct(models);

openaiWorks(place);
anthropicWorks(place);
geminiWorks(place);
geminiLists(place);
streamsEndRightly(place, () => models);
upstreamErrors(place, () => models);
