/** Name under which a source's churn models are registered; the alias `champion` says which version is in force. */
export const modelNameOf = (source: string): string => `churn-${source}`;

/** Where a run keeps its model. */
export const MODEL_ARTIFACT_FOLDER = 'model';
const MODEL_FILE_NAME = 'model.bin';
export const MODEL_FILE = modelFileIn(MODEL_ARTIFACT_FOLDER);
/** What the model is, for people. */
export const MODEL_CARD_FILE = `${MODEL_ARTIFACT_FOLDER}/model-card.md`;

/** The model's file in the artifact folder that a registered version names. */
export function modelFileIn(folder: string): string {
  return `${folder}/${MODEL_FILE_NAME}`;
}
