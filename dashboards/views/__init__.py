"""The pages themselves, one module each; Streamlit runs them as scripts."""
