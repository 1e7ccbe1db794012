/**
 * Loaded into each test file: what it starts is the program as operators start it, without the hooks by which tap notes every module
 * that a process loads. They cost each process more than a tenth of a second, and a run of all tests starts over a thousand.
 */
import { createRequire } from 'node:module';

// How tap puts its hooks into NODE_OPTIONS of each child.
const onSpawn = createRequire(import.meta.url)('process-on-spawn') as { removeAllListeners(): void };
onSpawn.removeAllListeners();
delete process.env['NODE_OPTIONS'];
