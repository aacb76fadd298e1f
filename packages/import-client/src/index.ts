/** What a program needs that sends a file itself: the calls, and the upload. */
export { ApiClient, importAnswer } from './api.ts';
export { uploadFile } from './upload.ts';
